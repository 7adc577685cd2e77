-- Figures of namespaces that are out of their bounds, and when they were in them again (docs/api.md, Alerts). last_hour: the newest hour that fired or resolved
-- it, so that an older one, whose job comes late, changes nothing.
CREATE TABLE alerts (
  id TEXT PRIMARY KEY,
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('hit_rate', 'p95_latency', 'upload_failures', 'quota_80', 'quota_100', 'webhook_failing', 'store_unreachable')),
  hour INTEGER NOT NULL,
  value REAL NOT NULL,
  threshold REAL NOT NULL,
  rests_on INTEGER NOT NULL CHECK (rests_on >= 0),
  fired_at INTEGER NOT NULL,
  last_hour INTEGER NOT NULL,
  resolved_at INTEGER,
  resolved_value REAL
) STRICT;
-- One open alert of a kind: two runs at once fire once.
CREATE UNIQUE INDEX alerts_open ON alerts (namespace, kind) WHERE resolved_at IS NULL;
CREATE INDEX alerts_of_kind ON alerts (namespace, kind, last_hour);
CREATE INDEX alerts_list ON alerts (namespace, fired_at, id);
CREATE INDEX alerts_by_time ON alerts (fired_at, id);
CREATE INDEX alerts_open_by_time ON alerts (fired_at, id) WHERE resolved_at IS NULL;

-- A namespace's own bounds: JSON of hit_rate, p95_ms, upload_failure_percent.
ALTER TABLE namespaces ADD COLUMN alerts TEXT NOT NULL DEFAULT '{}';

-- Deliveries that were tried for half an hour: their endpoints fail.
CREATE INDEX webhook_outbox_failing ON webhook_outbox (endpoint_id) WHERE status = 'pending' AND attempts >= 4;

-- As in 0017: nothing is written where a namespace was.
CREATE TRIGGER alerts_not_fired_in_departing BEFORE INSERT ON alerts
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = NEW.namespace AND n.departing > 0) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;

CREATE TRIGGER alerts_not_resolved_in_departing BEFORE UPDATE ON alerts
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = NEW.namespace AND n.departing > 0) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;
