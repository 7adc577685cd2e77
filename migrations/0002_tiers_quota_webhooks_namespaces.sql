-- A change of a tier or account takes effect everywhere at once: an account's ledger adopts the limits with the higher version.
ALTER TABLE tier_configs ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;

-- The credentials themselves, encrypted, so that provisioning can be repeated for 30 days.
ALTER TABLE credentials ADD COLUMN sealed TEXT;
ALTER TABLE credentials ADD COLUMN sealed_until INTEGER;
CREATE INDEX credentials_by_sealed_until ON credentials (sealed_until) WHERE sealed IS NOT NULL;
CREATE INDEX credentials_by_expiry ON credentials (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX upload_sessions_open ON upload_sessions (account_id, id) WHERE status = 'open';

-- A TTL of NULL is the class's default.
ALTER TABLE namespaces ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE namespaces ADD COLUMN ttl_small INTEGER CHECK (ttl_small >= 0);
ALTER TABLE namespaces ADD COLUMN ttl_text INTEGER CHECK (ttl_text >= 0);
ALTER TABLE namespaces ADD COLUMN ttl_large INTEGER CHECK (ttl_large >= 0);
ALTER TABLE namespaces ADD COLUMN ttl_video INTEGER CHECK (ttl_video >= 0);
ALTER TABLE namespaces ADD COLUMN video_streaming INTEGER NOT NULL DEFAULT 1 CHECK (video_streaming IN (0, 1));
ALTER TABLE namespaces ADD COLUMN desktop_cdn INTEGER NOT NULL DEFAULT 1 CHECK (desktop_cdn IN (0, 1));
ALTER TABLE namespaces ADD COLUMN cross_namespace_dedup INTEGER NOT NULL DEFAULT 0 CHECK (cross_namespace_dedup IN (0, 1));
ALTER TABLE namespaces ADD COLUMN origin_usd_per_gb REAL CHECK (origin_usd_per_gb >= 0);
ALTER TABLE namespaces ADD COLUMN expected_hit_rate REAL CHECK (expected_hit_rate BETWEEN 0 AND 100);
ALTER TABLE namespaces ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;

-- Examples. Their volumes (500 GB, 200 GB) are what such a customer brings, not a limit: storage is the account's.
INSERT OR IGNORE INTO namespaces (name, display_name, tags, ttl_small, ttl_text, ttl_large, ttl_video, jetty_speed_upload, video_streaming, desktop_cdn, expected_hit_rate, created_at) VALUES
  ('jt_customer_seagate', 'Seagate', '["example","500 GB","mostly video"]', 86400, NULL, 21600, 43200, 1, 1, 1, 85, 0),
  ('jt_customer_wd', 'WD', '["example","200 GB","mixed","cost-conscious"]', 21600, NULL, 10800, 21600, 0, 1, 0, 70, 0);

-- The asset that an upload will create; its storage reservation has this id.
ALTER TABLE upload_sessions ADD COLUMN asset_id TEXT;
CREATE INDEX upload_sessions_by_asset ON upload_sessions (asset_id);

-- What each account used in each month: the ledger's figures, written some seconds after they change.
CREATE TABLE storage_usage (
  account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  period_start INTEGER NOT NULL,
  period_end INTEGER NOT NULL,
  storage_bytes INTEGER NOT NULL CHECK (storage_bytes >= 0),
  bandwidth_bytes INTEGER NOT NULL CHECK (bandwidth_bytes >= 0),
  request_count INTEGER NOT NULL CHECK (request_count >= 0),
  storage_cost REAL NOT NULL,
  bandwidth_cost REAL NOT NULL,
  total_cost REAL NOT NULL,
  recorded_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, period_start)
) STRICT, WITHOUT ROWID;

-- Stored responses, encrypted: of requests with an Idempotency-Key, and of webhook calls. A row without status belongs to a request that is still running.
CREATE TABLE idempotency (
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  claim TEXT NOT NULL,
  claimed_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  status INTEGER,
  answer TEXT,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

CREATE TABLE webhook_inbox (
  webhook_id TEXT PRIMARY KEY,
  claim TEXT NOT NULL,
  claimed_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  status INTEGER,
  answer TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_inbox_by_expiry ON webhook_inbox (expires_at);

CREATE VIEW agentcache_accounts AS
  SELECT a.id, a.agentcache_user_id, a.agentcache_email, a.tier, t.storage_quota_gb, t.bandwidth_quota_gb, t.jetty_speed_enabled, a.s3_bucket_name, a.s3_prefix,
    a.status, a.created_at, a.updated_at
  FROM accounts a JOIN tier_configs t ON t.tier = a.tier;
CREATE VIEW agentcache_assets AS
  SELECT s.id, a.agentcache_user_id, s.account_id, s.namespace, s.name AS file_name, o.size AS file_size, o.s3_key, s.content_type, s.uploaded_via, s.upload_speed_mbps,
    s.hit_count, s.last_accessed, s.expires_at, s.cache_key, s.created_at
  FROM assets s JOIN accounts a ON a.id = s.account_id JOIN objects o ON o.id = s.object_id;
CREATE VIEW file_hashes AS
  SELECT o.id, o.namespace, o.sha256 AS file_hash, o.size AS file_size, o.s3_key, o.refs AS reference_count, o.created_at FROM objects o WHERE o.verification = 'verified';
CREATE VIEW user_file_references AS
  SELECT s.id, s.account_id, s.object_id, s.namespace, s.name AS file_name, s.created_at FROM assets s;
CREATE VIEW deduplication_savings AS
  SELECT o.namespace, COUNT(*) AS objects, SUM(o.refs) AS refs, SUM(o.size) AS stored_bytes, SUM(o.size * o.refs) AS logical_bytes,
    SUM(o.size * MAX(o.refs - 1, 0)) AS saved_bytes
  FROM objects o GROUP BY o.namespace;
CREATE VIEW user_upload_stats AS
  SELECT s.account_id, COUNT(*) AS uploads, SUM(o.size) AS bytes, AVG(s.upload_speed_mbps) AS avg_speed_mbps, MAX(s.created_at) AS last_upload_at
  FROM assets s JOIN objects o ON o.id = s.object_id GROUP BY s.account_id;
