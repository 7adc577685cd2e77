-- Lists of an account's files by name.
CREATE INDEX assets_by_name ON assets (account_id, name COLLATE NOCASE, id);
