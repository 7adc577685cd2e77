-- Bytes are stored once per namespace. doomed_at: since when nothing references the object. After a grace period the collector marks it condemned, deletes it at
-- the store, then here. A condemned object gets no new references.
ALTER TABLE objects ADD COLUMN doomed_at INTEGER;
ALTER TABLE objects ADD COLUMN condemned INTEGER NOT NULL DEFAULT 0 CHECK (condemned IN (0, 1));
UPDATE objects SET doomed_at = created_at WHERE refs = 0;
CREATE INDEX objects_doomed ON objects (doomed_at) WHERE refs = 0 AND condemned = 0;
CREATE INDEX objects_condemned ON objects (id) WHERE condemned = 1;
CREATE INDEX objects_verified ON objects (namespace, sha256, size, created_at, id) WHERE verification = 'verified';
CREATE INDEX objects_pending ON objects (created_at) WHERE verification = 'pending';

-- Which object has a chunk of that hash, and where: the store verified the hash when the part was uploaded.
CREATE TABLE chunks (
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size > 0),
  object_id TEXT NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
  first INTEGER NOT NULL CHECK (first >= 0),
  PRIMARY KEY (namespace, sha256, size)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunks_by_object ON chunks (object_id);

-- Measured properties of the store.
CREATE TABLE store_facts (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL,
  checked_at INTEGER NOT NULL
) STRICT;
