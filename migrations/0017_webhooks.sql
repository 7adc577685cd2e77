-- Endpoints that are told what happens in a namespace, and what is sent to them (docs/api.md, Webhooks). slot: ten of a namespace at the most, and which of the
-- ids that were drawn for an event is its delivery's.
CREATE TABLE webhook_endpoints (
  id TEXT PRIMARY KEY,
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  slot INTEGER NOT NULL CHECK (slot BETWEEN 1 AND 10),
  url TEXT NOT NULL,
  events TEXT NOT NULL,
  secret TEXT NOT NULL,
  old_secret TEXT,
  old_until INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (namespace, slot),
  CHECK ((old_secret IS NULL) = (old_until IS NULL))
) STRICT;

-- One row for an event and an endpoint, written in the transaction of what it tells. claim: the attempt that is under way; nobody else sends before claimed_until.
CREATE TABLE webhook_outbox (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
  message_id TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL,
  claim TEXT,
  claimed_until INTEGER,
  response_status INTEGER,
  response TEXT,
  error TEXT,
  created_at INTEGER NOT NULL,
  tried_at INTEGER,
  PRIMARY KEY (namespace, id)
) STRICT;
CREATE INDEX webhook_outbox_list ON webhook_outbox (endpoint_id, created_at, id);
CREATE INDEX webhook_outbox_waiting ON webhook_outbox (endpoint_id) WHERE status = 'pending';
CREATE INDEX webhook_outbox_due ON webhook_outbox (due_at) WHERE status = 'pending';
CREATE INDEX webhook_outbox_age ON webhook_outbox (created_at);

-- As in 0016: nothing is written, sent or deleted where a namespace was.
CREATE TRIGGER webhooks_not_added_in_departing BEFORE INSERT ON webhook_endpoints
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = NEW.namespace AND n.departing > 0) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;

CREATE TRIGGER webhooks_not_changed_in_departing BEFORE UPDATE ON webhook_endpoints
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = NEW.namespace AND n.departing > 0) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;

CREATE TRIGGER webhooks_not_deleted_in_departing BEFORE DELETE ON webhook_endpoints
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = OLD.namespace AND n.departing = 1) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;

CREATE TRIGGER events_not_written_in_departing BEFORE INSERT ON webhook_outbox
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = NEW.namespace AND n.departing > 0) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;

CREATE TRIGGER events_not_sent_in_departing BEFORE UPDATE ON webhook_outbox
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = NEW.namespace AND n.departing > 0) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;
