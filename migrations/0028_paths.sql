-- Paths of files (docs/paths.md): unique for their owner in a namespace, and the order in which prefixes are listed.
ALTER TABLE assets ADD COLUMN path TEXT;
-- When the file was changed last where it comes from, epoch ms, as its client says.
ALTER TABLE assets ADD COLUMN modified_at INTEGER;
CREATE UNIQUE INDEX assets_by_path ON assets (account_id, namespace, path) WHERE path IS NOT NULL;
-- The place that an upload's file is to have: JSON (src/files/paths/placement.rs).
ALTER TABLE upload_sessions ADD COLUMN place TEXT;
