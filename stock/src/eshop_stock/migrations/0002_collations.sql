-- Texts are equal when they are the same letter by letter, whatever the default of the server is.
ALTER TABLE stock CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
ALTER TABLE stock_ledger CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
ALTER TABLE refusal CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
ALTER TABLE redis_run CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
ALTER TABLE shown_rows CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
