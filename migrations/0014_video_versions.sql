-- version counts the changes of a video's files, so that a PoP that knows them asks for one row to learn that nothing changed. By triggers, because no
-- statement may forget it, nor the code that runs until a deployment is complete. gone_at: when the files were last marked as deleted, all of them at once.
ALTER TABLE videos ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE videos ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE videos ADD COLUMN gone_at INTEGER;

CREATE TRIGGER video_files_stored AFTER INSERT ON video_files WHEN NEW.doomed_at IS NULL BEGIN
  UPDATE videos SET version = version + 1, changed_at = unixepoch() * 1000 WHERE namespace = NEW.namespace AND video_id = NEW.video_id;
END;

CREATE TRIGGER video_files_replaced AFTER UPDATE OF id, size, etag, content_type, live_seconds ON video_files BEGIN
  UPDATE videos SET version = version + 1, changed_at = unixepoch() * 1000 WHERE namespace = NEW.namespace AND video_id = NEW.video_id;
END;

CREATE TRIGGER video_files_doomed AFTER UPDATE OF doomed_at ON video_files WHEN NEW.doomed_at IS NOT NULL BEGIN
  UPDATE videos SET version = version + 1, changed_at = unixepoch() * 1000, gone_at = NEW.doomed_at
  WHERE namespace = NEW.namespace AND video_id = NEW.video_id AND gone_at IS NOT NEW.doomed_at;
END;

CREATE TRIGGER video_files_lost AFTER DELETE ON video_files WHEN OLD.doomed_at IS NULL BEGIN
  UPDATE videos SET version = version + 1, changed_at = unixepoch() * 1000 WHERE namespace = OLD.namespace AND video_id = OLD.video_id;
END;
