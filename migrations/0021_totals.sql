-- What was delivered and uploaded since this migration, of all namespaces of the database: what GET /metrics tells as counters. Rows of hours and days can not be
-- summed up to that: they go with a deleted namespace, with an account to another database, and when they are old.
CREATE TABLE delivery_totals (
  class TEXT NOT NULL PRIMARY KEY CHECK (class IN ('small', 'text', 'large', 'video')),
  requests INTEGER NOT NULL DEFAULT 0,
  hits INTEGER NOT NULL DEFAULT 0,
  bytes_from_cache INTEGER NOT NULL DEFAULT 0,
  bytes_from_origin INTEGER NOT NULL DEFAULT 0,
  cmcd_requests INTEGER NOT NULL DEFAULT 0,
  bytes_sent INTEGER NOT NULL DEFAULT 0,
  saved_usd REAL NOT NULL DEFAULT 0,
  answers_2xx INTEGER NOT NULL DEFAULT 0,
  answers_3xx INTEGER NOT NULL DEFAULT 0,
  answers_4xx INTEGER NOT NULL DEFAULT 0,
  answers_5xx INTEGER NOT NULL DEFAULT 0,
  first_ms INTEGER NOT NULL DEFAULT 0,
  first_1 INTEGER NOT NULL DEFAULT 0,
  first_2 INTEGER NOT NULL DEFAULT 0,
  first_5 INTEGER NOT NULL DEFAULT 0,
  first_10 INTEGER NOT NULL DEFAULT 0,
  first_20 INTEGER NOT NULL DEFAULT 0,
  first_50 INTEGER NOT NULL DEFAULT 0,
  first_100 INTEGER NOT NULL DEFAULT 0,
  first_200 INTEGER NOT NULL DEFAULT 0,
  first_500 INTEGER NOT NULL DEFAULT 0,
  first_1000 INTEGER NOT NULL DEFAULT 0,
  first_2000 INTEGER NOT NULL DEFAULT 0,
  first_5000 INTEGER NOT NULL DEFAULT 0,
  first_more INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO delivery_totals (class) VALUES ('small'), ('text'), ('large'), ('video');

CREATE TABLE upload_totals (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  started INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  expired INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  saved_bytes INTEGER NOT NULL DEFAULT 0,
  copied_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO upload_totals (one) VALUES (1);
