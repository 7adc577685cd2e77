-- What was delivered, by namespace, class and hour: now also the bytes that left, what the cache saved, answers by class of status, the time until the first byte
-- as a histogram (first_5: more than 2 and at most 5 ms), and requests ("r:DE") and bytes ("b:DE") by country.
ALTER TABLE delivery_hourly ADD COLUMN bytes_sent INTEGER NOT NULL DEFAULT 0 CHECK (bytes_sent >= 0);
ALTER TABLE delivery_hourly ADD COLUMN saved_usd REAL NOT NULL DEFAULT 0 CHECK (saved_usd >= 0);
ALTER TABLE delivery_hourly ADD COLUMN answers_2xx INTEGER NOT NULL DEFAULT 0 CHECK (answers_2xx >= 0);
ALTER TABLE delivery_hourly ADD COLUMN answers_3xx INTEGER NOT NULL DEFAULT 0 CHECK (answers_3xx >= 0);
ALTER TABLE delivery_hourly ADD COLUMN answers_4xx INTEGER NOT NULL DEFAULT 0 CHECK (answers_4xx >= 0);
ALTER TABLE delivery_hourly ADD COLUMN answers_5xx INTEGER NOT NULL DEFAULT 0 CHECK (answers_5xx >= 0);
ALTER TABLE delivery_hourly ADD COLUMN first_ms INTEGER NOT NULL DEFAULT 0 CHECK (first_ms >= 0);
ALTER TABLE delivery_hourly ADD COLUMN first_1 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_2 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_5 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_10 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_20 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_50 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_100 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_200 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_500 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_1000 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_2000 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_5000 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN first_more INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery_hourly ADD COLUMN countries TEXT NOT NULL DEFAULT '{}';
CREATE INDEX delivery_hourly_by_hour ON delivery_hourly (hour);

-- Rows from before: what was saved is calculated with today's price of the namespace, or ORIGIN_USD_PER_GB's default.
UPDATE delivery_hourly SET bytes_sent = bytes_from_cache + bytes_from_origin,
  saved_usd = bytes_from_cache / 1e9 * COALESCE((SELECT n.origin_usd_per_gb FROM namespaces n WHERE n.name = delivery_hourly.namespace), 0.02)
WHERE bytes_sent = 0;

-- The same by day (UTC), summed up by the daily run. namespace '' is all namespaces of this database: no foreign key, and what a deleted one had stays in there.
CREATE TABLE delivery_daily (
  namespace TEXT NOT NULL,
  class TEXT NOT NULL CHECK (class IN ('small', 'text', 'large', 'video')),
  day INTEGER NOT NULL CHECK (day % 86400000 = 0),
  requests INTEGER NOT NULL CHECK (requests >= 0),
  hits INTEGER NOT NULL CHECK (hits >= 0),
  bytes_from_cache INTEGER NOT NULL CHECK (bytes_from_cache >= 0),
  bytes_from_origin INTEGER NOT NULL CHECK (bytes_from_origin >= 0),
  cmcd_requests INTEGER NOT NULL CHECK (cmcd_requests >= 0),
  bytes_sent INTEGER NOT NULL CHECK (bytes_sent >= 0),
  saved_usd REAL NOT NULL CHECK (saved_usd >= 0),
  answers_2xx INTEGER NOT NULL,
  answers_3xx INTEGER NOT NULL,
  answers_4xx INTEGER NOT NULL,
  answers_5xx INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  first_1 INTEGER NOT NULL,
  first_2 INTEGER NOT NULL,
  first_5 INTEGER NOT NULL,
  first_10 INTEGER NOT NULL,
  first_20 INTEGER NOT NULL,
  first_50 INTEGER NOT NULL,
  first_100 INTEGER NOT NULL,
  first_200 INTEGER NOT NULL,
  first_500 INTEGER NOT NULL,
  first_1000 INTEGER NOT NULL,
  first_2000 INTEGER NOT NULL,
  first_5000 INTEGER NOT NULL,
  first_more INTEGER NOT NULL,
  countries TEXT NOT NULL,
  PRIMARY KEY (namespace, day, class)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_daily_by_day ON delivery_daily (day);

-- Uploads by namespace and hour. saved_bytes were not stored because the namespace has them, copied_bytes were copied inside the store instead of sent. counts:
-- of completed uploads by edge "u:fra" (uploads), "b:fra" (bytes), "s:fra:4" (uploads in that class of speed), "x:fra" (uploads that failed or expired); "s:4"
-- (uploads in that class of speed over all edges); "w:client" (why those that failed did).
CREATE TABLE upload_hourly (
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  hour INTEGER NOT NULL,
  started INTEGER NOT NULL CHECK (started >= 0),
  completed INTEGER NOT NULL CHECK (completed >= 0),
  failed INTEGER NOT NULL CHECK (failed >= 0),
  expired INTEGER NOT NULL CHECK (expired >= 0),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  saved_bytes INTEGER NOT NULL CHECK (saved_bytes >= 0),
  copied_bytes INTEGER NOT NULL CHECK (copied_bytes >= 0),
  counts TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (namespace, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_hourly_by_hour ON upload_hourly (hour);

CREATE TABLE upload_daily (
  namespace TEXT NOT NULL,
  day INTEGER NOT NULL CHECK (day % 86400000 = 0),
  started INTEGER NOT NULL CHECK (started >= 0),
  completed INTEGER NOT NULL CHECK (completed >= 0),
  failed INTEGER NOT NULL CHECK (failed >= 0),
  expired INTEGER NOT NULL CHECK (expired >= 0),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  saved_bytes INTEGER NOT NULL CHECK (saved_bytes >= 0),
  copied_bytes INTEGER NOT NULL CHECK (copied_bytes >= 0),
  counts TEXT NOT NULL,
  PRIMARY KEY (namespace, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_daily_by_day ON upload_daily (day);

CREATE TRIGGER daily_statistics_go_with_their_namespace AFTER DELETE ON namespaces BEGIN
  DELETE FROM delivery_daily WHERE namespace = OLD.name;
  DELETE FROM upload_daily WHERE namespace = OLD.name;
END;

-- What was counted before, but for today: hours are kept for 35 days from now on.
INSERT INTO delivery_daily
  SELECT namespace, class, hour - hour % 86400000, SUM(requests), SUM(hits), SUM(bytes_from_cache), SUM(bytes_from_origin), SUM(cmcd_requests), SUM(bytes_sent),
    SUM(saved_usd), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}'
  FROM delivery_hourly WHERE hour < unixepoch() / 86400 * 86400000 GROUP BY 1, 2, 3
  ON CONFLICT DO NOTHING;
INSERT INTO delivery_daily
  SELECT '', class, day, SUM(requests), SUM(hits), SUM(bytes_from_cache), SUM(bytes_from_origin), SUM(cmcd_requests), SUM(bytes_sent),
    SUM(saved_usd), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}'
  FROM delivery_daily WHERE namespace <> '' GROUP BY class, day
  ON CONFLICT DO NOTHING;
