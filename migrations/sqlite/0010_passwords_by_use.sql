-- Every page that an administrator sees asks whether a password was used lately.
CREATE INDEX passwords_by_use ON passwords (last_used_at) WHERE last_used_at IS NOT NULL;
