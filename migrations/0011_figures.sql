-- storage_cost is storage_gb_months x STORAGE_USD_PER_GB_MONTH; bandwidth_cost is what reading origin_bytes from the store cost, each byte at its namespace's price.
ALTER TABLE storage_usage ADD COLUMN storage_gb_months REAL NOT NULL DEFAULT 0 CHECK (storage_gb_months >= 0);
ALTER TABLE storage_usage ADD COLUMN origin_bytes INTEGER NOT NULL DEFAULT 0 CHECK (origin_bytes >= 0);

-- Vars of the deployment that views calculate with, US dollars; the daily run writes them.
CREATE TABLE prices (
  name TEXT PRIMARY KEY,
  usd REAL NOT NULL CHECK (usd >= 0),
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO prices (name, usd, updated_at) VALUES ('dedup_gb', 0.10, 0);

DROP VIEW deduplication_savings;
CREATE VIEW deduplication_savings AS
  SELECT o.namespace, COUNT(*) AS objects, SUM(o.refs) AS refs, SUM(o.size) AS stored_bytes, SUM(o.size * o.refs) AS logical_bytes,
    SUM(o.size * MAX(o.refs - 1, 0)) AS saved_bytes,
    SUM(o.size * MAX(o.refs - 1, 0)) / 1e9 * (SELECT p.usd FROM prices p WHERE p.name = 'dedup_gb') AS saved_usd
  FROM objects o GROUP BY o.namespace;

-- By what an upload got over the edge: the rate at which its parts moved. Edges with fewer than 10 rated parts in these days come last.
DROP VIEW top_edges;
CREATE VIEW top_edges AS
  SELECT w.edge, w.name, w.bytes, w.samples, w.error_rate, w.mbps, RANK() OVER (ORDER BY w.rated >= 10 DESC, w.mbps DESC) AS place
  FROM (
    SELECT m.edge, e.name, SUM(m.bytes) AS bytes, SUM(m.samples) AS samples, SUM(m.samples - m.failures - m.probes) AS rated,
      CAST(SUM(m.failures) AS REAL) / SUM(m.samples) AS error_rate,
      CASE WHEN SUM(m.busy_ms) > 0 THEN SUM(m.bytes) * 8.0 / 1000.0 / SUM(m.busy_ms) END AS mbps
    FROM edge_metrics m LEFT JOIN edge_locations e ON e.id = m.edge
    WHERE m.hour > (unixepoch() - 7 * 86400) * 1000 GROUP BY m.edge
  ) w;
