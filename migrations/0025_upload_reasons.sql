-- Why an upload ended without a file: client, store, removed, job or idle, as it is counted; NULL for others, and for those that ended before this.
ALTER TABLE upload_sessions ADD COLUMN reason TEXT;
