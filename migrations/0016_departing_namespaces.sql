-- While a namespace is copied to another database nothing is stored in it where it is: departing is 1 from then on, and 2 while its rows are deleted there. By
-- triggers, because a call that is minutes late knows nothing of the move, and what it wrote would be left behind, although its client was told that it is stored,
-- or deleted.
ALTER TABLE namespaces ADD COLUMN departing INTEGER NOT NULL DEFAULT 0 CHECK (departing IN (0, 1, 2));

CREATE TRIGGER assets_not_stored_in_departing BEFORE INSERT ON assets
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name IN (NEW.namespace, (SELECT o.namespace FROM objects o WHERE o.id = NEW.object_id)) AND n.departing > 0) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;

CREATE TRIGGER assets_not_deleted_in_departing BEFORE DELETE ON assets
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = OLD.namespace AND n.departing = 1) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;

CREATE TRIGGER uploads_not_started_in_departing BEFORE INSERT ON upload_sessions
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = NEW.namespace AND n.departing > 0) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;

CREATE TRIGGER videos_not_written_in_departing BEFORE INSERT ON videos
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = NEW.namespace AND n.departing > 0) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;

CREATE TRIGGER video_files_not_stored_in_departing BEFORE INSERT ON video_files
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = NEW.namespace AND n.departing > 0) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;

CREATE TRIGGER video_files_not_changed_in_departing BEFORE UPDATE ON video_files
WHEN EXISTS (SELECT 1 FROM namespaces n WHERE n.name = NEW.namespace AND n.departing > 0) BEGIN
  SELECT RAISE(ABORT, 'the namespace is being moved to another database');
END;
