-- What became of jobs, in the first database: failures of each kind, and how often the queue gave one up; and when what runs by itself last did.
CREATE TABLE job_failures (
  kind TEXT NOT NULL PRIMARY KEY,
  failed INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0,
  last_failed_at INTEGER,
  last_dead_at INTEGER,
  last_error TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE job_runs (
  name TEXT NOT NULL PRIMARY KEY,
  last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
