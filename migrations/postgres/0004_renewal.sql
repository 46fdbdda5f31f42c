-- Renewal information (RFC 9773): which certificates must be renewed at once, and what replaces them.

-- Since when an administrator wants it renewed, why, and where people can read about it.
ALTER TABLE certificates ADD COLUMN renew_since TIMESTAMPTZ;
ALTER TABLE certificates ADD COLUMN renew_reason TEXT;
ALTER TABLE certificates ADD COLUMN renew_url TEXT;
-- The order that replaces it. An order that became invalid holds it no more.
ALTER TABLE certificates ADD COLUMN replaced_by_order TEXT COLLATE "C";
-- That order's certificate, once there is one; then for ever.
ALTER TABLE certificates ADD COLUMN replaced_by TEXT COLLATE "C";

CREATE INDEX certificates_to_renew ON certificates (id) WHERE renew_since IS NOT NULL;

-- The certificate that the order replaces, as the client named it.
ALTER TABLE orders ADD COLUMN replaces TEXT COLLATE "C";
