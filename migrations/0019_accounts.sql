-- Since when an account is being deleted: it is suspended from then on, and its row goes last.
ALTER TABLE accounts ADD COLUMN deleting_at INTEGER;
CREATE INDEX accounts_deleting ON accounts (deleting_at) WHERE deleting_at IS NOT NULL;

-- When a month's usage became final; NULL: the ledger still writes it.
ALTER TABLE storage_usage ADD COLUMN closed_at INTEGER;
CREATE INDEX storage_usage_open ON storage_usage (period_end, account_id) WHERE closed_at IS NULL;

-- In the first database: calls of provisioning by hour, outcome ('created', 'existing', 'repeated', or the code of a refusal) and class of duration.
CREATE TABLE provisioning_hourly (
  hour INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  bucket INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 12),
  calls INTEGER NOT NULL CHECK (calls > 0),
  PRIMARY KEY (hour, outcome, bucket)
) STRICT, WITHOUT ROWID;
