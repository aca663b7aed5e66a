-- Rows that were written before name no branch: '' stands for any.
ALTER TABLE stock_ledger ADD COLUMN branch_id varchar(20) NOT NULL DEFAULT '' AFTER gid;
ALTER TABLE stock_ledger ADD KEY gid (gid);
