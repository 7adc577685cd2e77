-- Bytes are not the only thing that fills a database: tiers also limit how many files an account has and how many uploads it has open.
ALTER TABLE tier_configs ADD COLUMN max_objects INTEGER NOT NULL DEFAULT 10000 CHECK (max_objects >= 0);
ALTER TABLE tier_configs ADD COLUMN max_open_uploads INTEGER NOT NULL DEFAULT 20 CHECK (max_open_uploads >= 0);
UPDATE tier_configs SET
  max_objects = CASE tier WHEN 'free' THEN 100 WHEN 'starter' THEN 10000 WHEN 'pro' THEN 100000 WHEN 'business' THEN 1000000 ELSE 2000000 END,
  max_open_uploads = CASE tier WHEN 'free' THEN 2 WHEN 'starter' THEN 20 WHEN 'pro' THEN 100 WHEN 'business' THEN 500 ELSE 2000 END
  WHERE tier IN ('free', 'starter', 'pro', 'business', 'enterprise');

-- The history of closed uploads is pruned by age, and per account by number.
CREATE INDEX upload_sessions_closed ON upload_sessions (updated_at) WHERE status <> 'open';
CREATE INDEX upload_sessions_closed_of_account ON upload_sessions (account_id, updated_at) WHERE status <> 'open';
