-- Verifications under way: how far an object is hashed, and how often that was begun without getting on. failure: why the last attempt ended, if it ended itself.
CREATE TABLE verifications (
  object_id TEXT PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
  position INTEGER NOT NULL DEFAULT 0 CHECK (position >= 0),
  state TEXT,
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  failure TEXT,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Why an object whose hash was claimed is not verified.
ALTER TABLE objects ADD COLUMN verification_reason TEXT;

-- Which of the deployments that use a bucket this database belongs to, and whether the bucket is marked as this one's; NULL: not looked at yet.
CREATE TABLE deployment (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL,
  owns_bucket INTEGER CHECK (owns_bucket IN (0, 1)),
  marked_at INTEGER,
  checked_at INTEGER
) STRICT;
