-- Locations that accept uploads. url NULL means this Worker's own URL.
CREATE TABLE edge_locations (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  city TEXT NOT NULL,
  country TEXT NOT NULL,
  continent TEXT NOT NULL CHECK (continent IN ('AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA')),
  lat REAL NOT NULL CHECK (lat BETWEEN -90 AND 90),
  lon REAL NOT NULL CHECK (lon BETWEEN -180 AND 180),
  colo TEXT NOT NULL,
  url TEXT,
  capacity_mbps INTEGER NOT NULL CHECK (capacity_mbps > 0),
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'draining', 'disabled')),
  updated_at INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO edge_locations (id, name, city, country, continent, lat, lon, colo, capacity_mbps) VALUES
  ('ams', 'Amsterdam', 'Amsterdam', 'NL', 'EU', 52.31, 4.76, 'AMS', 10000),
  ('bom', 'Mumbai', 'Mumbai', 'IN', 'AS', 19.09, 72.87, 'BOM', 5000),
  ('cdg', 'Paris', 'Paris', 'FR', 'EU', 49.01, 2.55, 'CDG', 10000),
  ('dfw', 'Dallas', 'Dallas', 'US', 'NA', 32.9, -97.04, 'DFW', 10000),
  ('dxb', 'Dubai', 'Dubai', 'AE', 'AS', 25.25, 55.36, 'DXB', 5000),
  ('fra', 'Frankfurt', 'Frankfurt', 'DE', 'EU', 50.03, 8.57, 'FRA', 10000),
  ('gru', 'São Paulo', 'São Paulo', 'BR', 'SA', -23.44, -46.47, 'GRU', 5000),
  ('hkg', 'Hong Kong', 'Hong Kong', 'HK', 'AS', 22.31, 113.91, 'HKG', 10000),
  ('iad', 'Ashburn', 'Ashburn', 'US', 'NA', 38.94, -77.46, 'IAD', 10000),
  ('icn', 'Seoul', 'Seoul', 'KR', 'AS', 37.46, 126.44, 'ICN', 10000),
  ('jnb', 'Johannesburg', 'Johannesburg', 'ZA', 'AF', -26.14, 28.25, 'JNB', 2500),
  ('lax', 'Los Angeles', 'Los Angeles', 'US', 'NA', 33.94, -118.41, 'LAX', 10000),
  ('lhr', 'London', 'London', 'GB', 'EU', 51.47, -0.45, 'LHR', 10000),
  ('mad', 'Madrid', 'Madrid', 'ES', 'EU', 40.47, -3.56, 'MAD', 5000),
  ('nrt', 'Tokyo', 'Tokyo', 'JP', 'AS', 35.76, 140.39, 'NRT', 10000),
  ('ord', 'Chicago', 'Chicago', 'US', 'NA', 41.98, -87.91, 'ORD', 10000),
  ('scl', 'Santiago', 'Santiago', 'CL', 'SA', -33.39, -70.79, 'SCL', 2500),
  ('sin', 'Singapore', 'Singapore', 'SG', 'AS', 1.36, 103.99, 'SIN', 10000),
  ('syd', 'Sydney', 'Sydney', 'AU', 'OC', -33.95, 151.18, 'SYD', 5000),
  ('yyz', 'Toronto', 'Toronto', 'CA', 'NA', 43.68, -79.63, 'YYZ', 5000);

-- Measurements by edge and hour (start of the hour). bytes / busy_ms is the throughput, probe_ms / probes the round-trip time.
CREATE TABLE edge_metrics (
  edge TEXT NOT NULL,
  hour INTEGER NOT NULL,
  samples INTEGER NOT NULL CHECK (samples >= 0),
  failures INTEGER NOT NULL CHECK (failures >= 0),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  busy_ms REAL NOT NULL CHECK (busy_ms >= 0),
  probes INTEGER NOT NULL CHECK (probes >= 0),
  probe_ms REAL NOT NULL CHECK (probe_ms >= 0),
  PRIMARY KEY (edge, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_metrics_by_hour ON edge_metrics (hour, edge);

-- Uploads by country, edge and hour of the day (UTC). An upload over two edges counts for both.
CREATE TABLE upload_patterns (
  country TEXT NOT NULL,
  edge TEXT NOT NULL,
  hour_of_day INTEGER NOT NULL CHECK (hour_of_day BETWEEN 0 AND 23),
  uploads INTEGER NOT NULL CHECK (uploads > 0),
  parts INTEGER NOT NULL CHECK (parts > 0),
  bytes INTEGER NOT NULL CHECK (bytes > 0),
  upload_ms INTEGER NOT NULL CHECK (upload_ms >= 0),
  PRIMARY KEY (country, edge, hour_of_day)
) STRICT, WITHOUT ROWID;

CREATE VIEW edge_performance_24h AS
  SELECT m.edge, e.name, e.city, e.country, SUM(m.samples) AS samples, SUM(m.failures) AS failures,
    CAST(SUM(m.failures) AS REAL) / SUM(m.samples) AS error_rate, SUM(m.bytes) AS bytes,
    CASE WHEN SUM(m.busy_ms) > 0 THEN SUM(m.bytes) * 8.0 / 1000.0 / SUM(m.busy_ms) END AS mbps,
    CASE WHEN SUM(m.probes) > 0 THEN SUM(m.probe_ms) / SUM(m.probes) END AS latency_ms
  FROM edge_metrics m LEFT JOIN edge_locations e ON e.id = m.edge
  WHERE m.hour > (unixepoch() - 86400) * 1000 GROUP BY m.edge;

CREATE VIEW top_edges AS
  SELECT m.edge, e.name, SUM(m.bytes) AS bytes, SUM(m.samples) AS samples, CAST(SUM(m.failures) AS REAL) / SUM(m.samples) AS error_rate,
    RANK() OVER (ORDER BY SUM(m.bytes) DESC) AS place
  FROM edge_metrics m LEFT JOIN edge_locations e ON e.id = m.edge
  WHERE m.hour > (unixepoch() - 7 * 86400) * 1000 GROUP BY m.edge;
