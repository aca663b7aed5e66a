-- Texts are equal when they are the same letter by letter, whatever the default of the server is.
ALTER TABLE user CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
ALTER TABLE shown_rows CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
ALTER TABLE user ADD COLUMN email_folded varchar(255) NULL AFTER email;
UPDATE user SET email_folded = LOWER(email);
