-- What a member of a namespace may change there. The account whose own namespace it is manages it. Members of shared namespaces begin as such: who
-- manages one is for its operator to say.
ALTER TABLE namespace_members ADD COLUMN role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'manager'));
UPDATE namespace_members SET role = 'manager'
  WHERE namespace = (SELECT 'jt_user_' || a.agentcache_user_id FROM accounts a WHERE a.id = namespace_members.account_id);

-- Credentials are replaced by those of the next generation. An upload token carries that of the credentials that its upload was started with.
ALTER TABLE credentials ADD COLUMN generation INTEGER NOT NULL DEFAULT 0 CHECK (generation >= 0);

-- Whose a video is: the account that was first to store a file of it. writes: requests that are storing a file of it. kept: whether it has files.
-- A row without files goes with the last write, or a day after it.
CREATE TABLE videos (
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  video_id TEXT NOT NULL,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  writes INTEGER NOT NULL DEFAULT 0 CHECK (writes >= 0),
  kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),
  touched_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, video_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX videos_by_account ON videos (account_id);
CREATE INDEX videos_without_files ON videos (touched_at) WHERE kept = 0;
-- The account of the oldest file.
INSERT INTO videos (namespace, video_id, account_id, kept, touched_at)
  SELECT namespace, video_id, account_id, 1, MIN(created_at) FROM video_files WHERE doomed_at IS NULL GROUP BY namespace, video_id;
