-- In the first database: which database has the account of a user, of a key, or of an id, and which has a namespace, where that is not the first one; and which
-- accounts are being moved (moving: 1 until their rows are copied, 2 until every isolate knows that; step, of an account's row: JSON of what the move does next,
-- until the last rows are deleted where the account was). A deployment with one database has no rows here.
CREATE TABLE directory (
  kind TEXT NOT NULL CHECK (kind IN ('account', 'key', 'namespace', 'user')),
  name TEXT NOT NULL,
  account_id TEXT,
  shard INTEGER NOT NULL CHECK (shard BETWEEN 0 AND 99),
  moving INTEGER NOT NULL DEFAULT 0 CHECK (moving IN (0, 1, 2)),
  move_id TEXT,
  step TEXT,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_by_account ON directory (account_id) WHERE account_id IS NOT NULL;

-- While the namespace is copied to another database nothing in it is collected.
ALTER TABLE namespaces ADD COLUMN moving INTEGER NOT NULL DEFAULT 0 CHECK (moving IN (0, 1));
