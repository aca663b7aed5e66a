-- Rows that were written before name no branch: '' stands for any.
ALTER TABLE pay ADD COLUMN branch_id varchar(20) NOT NULL DEFAULT '' AFTER gid;
