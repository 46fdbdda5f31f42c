-- Few users have roles of their own; most have those of their groups. Who is an administrator, and whether a role is in
-- use, is found by this.
CREATE INDEX users_with_grants ON users (id) WHERE grants <> '[]';
