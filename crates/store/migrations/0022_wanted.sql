-- How an uploaded file is to be converted, where whoever sent it chose: a code of RetryPolicy, 0 for the policy in force.
ALTER TABLE message ADD COLUMN wanted INTEGER NOT NULL DEFAULT 0;
