-- Where the account's ledger was created, a location hint of Durable Objects; '' where it is not known; NULL as long as there is none: calls of the identity backend
-- create no ledger, because it would stay near that backend.
ALTER TABLE accounts ADD COLUMN ledger_region TEXT;
UPDATE accounts SET ledger_region = '';
