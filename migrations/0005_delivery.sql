-- What lies in caches lies there under a namespace's generation: a purge begins the next one.
ALTER TABLE namespaces ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
