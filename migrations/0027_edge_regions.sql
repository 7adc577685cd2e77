-- Where a deployment of this Worker for the edge is placed, as the platform names it (aws:eu-central-1); NULL: nowhere in particular. script/edges makes them.
ALTER TABLE edge_locations ADD COLUMN region TEXT;
