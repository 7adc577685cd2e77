-- Whether whole answers of the text class are compressed for clients that ask. Off, also for existing namespaces: a compressed answer has a weak ETag and no length.
ALTER TABLE namespaces ADD COLUMN compress_text INTEGER NOT NULL DEFAULT 0 CHECK (compress_text IN (0, 1));
