-- How often the gateway ended while the job was running.
ALTER TABLE job ADD COLUMN interrupted INTEGER NOT NULL DEFAULT 0;
