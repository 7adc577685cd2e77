-- Cache keys contain the namespace's generation: a purge increments it, which invalidates all entries.
ALTER TABLE namespaces ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;

-- Delivered requests and bytes, by namespace, class and hour.
CREATE TABLE delivery_hourly (
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  class TEXT NOT NULL CHECK (class IN ('small', 'text', 'large', 'video')),
  hour INTEGER NOT NULL,
  requests INTEGER NOT NULL CHECK (requests >= 0),
  hits INTEGER NOT NULL CHECK (hits >= 0),
  bytes_from_cache INTEGER NOT NULL CHECK (bytes_from_cache >= 0),
  bytes_from_origin INTEGER NOT NULL CHECK (bytes_from_origin >= 0),
  cmcd_requests INTEGER NOT NULL DEFAULT 0 CHECK (cmcd_requests >= 0),
  PRIMARY KEY (namespace, class, hour)
) STRICT, WITHOUT ROWID;

-- Files of videos: playlists, segments, keys. A replaced file keeps its key at the store and gets another id. doomed_at: since when it is due for deletion there.
CREATE TABLE video_files (
  namespace TEXT NOT NULL REFERENCES namespaces (name),
  video_id TEXT NOT NULL,
  path TEXT NOT NULL,
  id TEXT NOT NULL UNIQUE,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  s3_key TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  etag TEXT NOT NULL,
  content_type TEXT NOT NULL,
  live_seconds INTEGER CHECK (live_seconds > 0),
  created_at INTEGER NOT NULL,
  replaced_id TEXT,
  replaced_account TEXT,
  replaced_at INTEGER,
  doomed_at INTEGER,
  claimed_at INTEGER,
  PRIMARY KEY (namespace, video_id, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX video_files_by_account ON video_files (account_id);
CREATE INDEX video_files_doomed ON video_files (doomed_at) WHERE doomed_at IS NOT NULL;
