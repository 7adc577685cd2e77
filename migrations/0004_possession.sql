-- Challenges to prove possession of the bytes of another namespace's object; one per file, a newer one replaces the older. A proof, right or wrong, uses
-- the challenge up; the number of proofs is kept for a day, so that proofs cannot be guessed.
CREATE TABLE challenges (
  account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size > 0),
  id TEXT NOT NULL,
  object_id TEXT NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
  nonce TEXT NOT NULL,
  ranges TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  answers INTEGER NOT NULL DEFAULT 0 CHECK (answers >= 0),
  answered INTEGER NOT NULL DEFAULT 0 CHECK (answered IN (0, 1)),
  forget_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, namespace, sha256, size)
) STRICT, WITHOUT ROWID;
CREATE INDEX challenges_by_namespace ON challenges (namespace);
CREATE INDEX challenges_by_object ON challenges (object_id);
CREATE INDEX challenges_by_end ON challenges (forget_at);
CREATE INDEX objects_by_hash ON objects (sha256, size) WHERE verification = 'verified';
CREATE INDEX upload_sessions_long_open ON upload_sessions (created_at) WHERE status = 'open';
