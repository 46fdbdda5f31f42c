-- Search by parts of names and of contacts, and by when an account was last seen.

-- Every name and address that was ever ordered or certified, once, and its parts: the whole, and what is left of it after
-- each of its dots. Never deleted, like audit events.
CREATE TABLE name_parts (
    part TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (part, name)
);

INSERT INTO name_parts (part, name)
WITH RECURSIVE
    names (name) AS (
        SELECT name FROM certificate_names
        UNION
        SELECT (i.value ->> 'value') COLLATE "C" FROM orders, jsonb_array_elements(orders.identifiers) AS i (value)
    ),
    parts (part, name) AS (
        SELECT name, name FROM names
        UNION
        SELECT substr(part, strpos(part, '.') + 1), name FROM parts WHERE strpos(part, '.') > 0
    )
SELECT part, name FROM parts;

-- Which orders asked for a name, whatever became of them.
CREATE INDEX authorizations_by_name ON authorizations (identifier_value, order_id);

CREATE INDEX certificates_by_issuer ON certificates (issuer_id, id);

-- Parts of contacts, in small letters, without `mailto:` and with a dot for `@`: the whole, and what is left after each dot.
CREATE TABLE account_contacts (
    part       TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (part, account_id)
);

CREATE INDEX account_contacts_by_account ON account_contacts (account_id);

INSERT INTO account_contacts (part, account_id)
WITH RECURSIVE
    parts (part, account_id) AS (
        SELECT replace(replace(lower(c.value), 'mailto:', ''), '@', '.') COLLATE "C", accounts.id
        FROM accounts, jsonb_array_elements_text(accounts.contacts) AS c (value)
        UNION
        SELECT substr(part, strpos(part, '.') + 1), account_id FROM parts WHERE strpos(part, '.') > 0
    )
SELECT part, account_id FROM parts;

-- To the minute. Of accounts from before, their registration is all that is known.
ALTER TABLE accounts ADD COLUMN last_seen_at TIMESTAMPTZ NOT NULL DEFAULT 'epoch';
UPDATE accounts SET last_seen_at = created_at;

CREATE INDEX accounts_by_last_seen ON accounts (last_seen_at, id);
