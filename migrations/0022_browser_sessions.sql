-- Browsers that are signed in to the dashboard, in the first database only: whom a session belongs to is known by it alone, so that no account's database has to be
-- found before. owner: the account's id, or 'operator'. proof: the hash of the key that it was opened with, and it ends with that; of an operator's, that of the token.
CREATE TABLE browser_sessions (
  id TEXT NOT NULL PRIMARY KEY,
  owner TEXT NOT NULL,
  proof TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  user_agent TEXT NOT NULL,
  country TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX browser_sessions_by_owner ON browser_sessions (owner, created_at, id);
CREATE INDEX browser_sessions_by_end ON browser_sessions (expires_at);
