-- Times are epoch milliseconds, hashes lowercase hex, flags 0 or 1.

CREATE TABLE tier_configs (
  tier TEXT PRIMARY KEY,
  rank INTEGER NOT NULL UNIQUE,
  storage_quota_gb INTEGER NOT NULL CHECK (storage_quota_gb >= 0),
  bandwidth_quota_gb INTEGER NOT NULL CHECK (bandwidth_quota_gb >= 0),
  jetty_speed_enabled INTEGER NOT NULL CHECK (jetty_speed_enabled IN (0, 1)),
  requests_per_minute INTEGER NOT NULL CHECK (requests_per_minute > 0),
  max_file_mb INTEGER NOT NULL CHECK (max_file_mb > 0)
) STRICT;

INSERT INTO tier_configs (tier, rank, storage_quota_gb, bandwidth_quota_gb, jetty_speed_enabled, requests_per_minute, max_file_mb) VALUES
  ('free', 0, 0, 0, 0, 10, 10),
  ('starter', 1, 2, 10, 0, 60, 50),
  ('pro', 2, 20, 50, 1, 300, 500),
  ('business', 3, 100, 200, 1, 1000, 1000),
  ('enterprise', 4, 1000, 5000, 1, 10000, 50000);

CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  agentcache_user_id TEXT NOT NULL UNIQUE,
  agentcache_email TEXT,
  tier TEXT NOT NULL REFERENCES tier_configs (tier),
  s3_bucket_name TEXT NOT NULL,
  s3_prefix TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE credentials (
  key_hash TEXT PRIMARY KEY,
  secret_hash TEXT NOT NULL,
  account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) STRICT;
CREATE INDEX credentials_by_account ON credentials (account_id);

CREATE TABLE namespaces (
  name TEXT PRIMARY KEY,
  display_name TEXT NOT NULL DEFAULT '',
  jetty_speed_upload INTEGER NOT NULL DEFAULT 1 CHECK (jetty_speed_upload IN (0, 1)),
  chunk_size INTEGER CHECK (chunk_size > 0),
  allow_unsigned INTEGER NOT NULL DEFAULT 0 CHECK (allow_unsigned IN (0, 1)),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE namespace_members (
  account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, namespace)
) STRICT, WITHOUT ROWID;
CREATE INDEX namespace_members_by_namespace ON namespace_members (namespace);

-- What the store holds. refs counts the assets that point here; at 0 the object is due for deletion.
CREATE TABLE objects (
  id TEXT PRIMARY KEY,
  namespace TEXT NOT NULL REFERENCES namespaces (name),
  s3_key TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL CHECK (size >= 0),
  etag TEXT NOT NULL,
  claimed_sha256 TEXT,
  sha256 TEXT,
  verification TEXT NOT NULL CHECK (verification IN ('pending', 'verified', 'mismatch', 'none')),
  refs INTEGER NOT NULL DEFAULT 1 CHECK (refs >= 0),
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX objects_by_namespace ON objects (namespace);

-- What a user sees.
CREATE TABLE assets (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  namespace TEXT NOT NULL REFERENCES namespaces (name),
  object_id TEXT NOT NULL REFERENCES objects (id),
  name TEXT NOT NULL,
  content_type TEXT NOT NULL,
  uploaded_via TEXT NOT NULL CHECK (uploaded_via IN ('session', 'simple')),
  upload_speed_mbps REAL,
  hit_count INTEGER NOT NULL DEFAULT 0,
  last_accessed INTEGER,
  expires_at INTEGER,
  cache_key TEXT,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX assets_by_account ON assets (account_id, created_at DESC, id DESC);
CREATE INDEX assets_by_object ON assets (object_id);
CREATE INDEX assets_by_namespace ON assets (namespace);

-- The history of uploads; the live state is the session's Durable Object.
CREATE TABLE upload_sessions (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  namespace TEXT NOT NULL REFERENCES namespaces (name),
  s3_key TEXT NOT NULL,
  upload_id TEXT NOT NULL,
  file_name TEXT NOT NULL,
  file_size INTEGER NOT NULL CHECK (file_size > 0),
  chunk_size INTEGER NOT NULL CHECK (chunk_size > 0),
  content_type TEXT NOT NULL,
  file_hash TEXT,
  allow_unsigned INTEGER NOT NULL CHECK (allow_unsigned IN (0, 1)),
  status TEXT NOT NULL CHECK (status IN ('open', 'complete', 'failed', 'expired')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX upload_sessions_by_account ON upload_sessions (account_id, status, created_at DESC, id DESC);
CREATE INDEX upload_sessions_by_upload_id ON upload_sessions (upload_id);
CREATE INDEX upload_sessions_by_namespace ON upload_sessions (namespace);
