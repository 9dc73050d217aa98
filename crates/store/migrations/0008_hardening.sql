-- A file that its sender took back before its job began. It stays in its batch, so that the files behind it keep their numbers.
ALTER TABLE message ADD COLUMN taken_back INTEGER NOT NULL DEFAULT 0;
-- Whether the shared secret is sealed with the key file beside the database (crates/store/src/secrets.rs). Rows from before are
-- sealed when the store is opened.
ALTER TABLE second_factor ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
-- A request is noted with its answer only; what is under way is known to the running program.
DELETE FROM idempotency WHERE batch IS NULL;
