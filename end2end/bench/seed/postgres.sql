-- As sqlite.sql.
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';
SET work_mem = '256MB';

INSERT INTO accounts (id, status, jwk, key_thumbprint, contacts, created_at, created_from, version, last_seen_at)
SELECT 'acc-' || lpad(to_hex(@START@ - 86400000 + a), 12, '0') || lpad(to_hex(a), 20, '0'),
    CASE a % 100 WHEN 7 THEN 'suspended' WHEN 8 THEN 'deactivated' ELSE 'valid' END,
    '{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}',
    lpad(to_hex(a), 43, '0'), jsonb_build_array('mailto:team-' || a % 500 || '@dept-' || a % 50 || '.example.com'),
    to_timestamp((@START@ - 86400000 + a) / 1000.0), '10.0.0.1', 1,
    to_timestamp((@START@ + a * (@SPAN@ / @ACCOUNTS@)) / 1000.0)
FROM generate_series(0::bigint, @ACCOUNTS@ - 1) AS a;

CREATE TEMP TABLE c AS
SELECT i, @START@ + i * (@SPAN@ / @CERTIFICATES@) AS ms, i % @NAMES@ AS h, i % @NAMES@ % @ACCOUNTS@ AS a,
    CASE i % @NAMES@ % 6 WHEN 0 THEN 'web' WHEN 1 THEN 'api' WHEN 2 THEN 'mail' WHEN 3 THEN 'db' WHEN 4 THEN 'cache' ELSE 'shop' END
    || '-' || (i % @NAMES@) || '.' || CASE i % @NAMES@ % 4 WHEN 0 THEN 'prod' WHEN 1 THEN 'test' WHEN 2 THEN 'dev' ELSE 'stage' END
    || '.zone' || (i % @NAMES@ % 200) || '.example.com' AS name
FROM generate_series(0::bigint, @CERTIFICATES@ - 1) AS i;

INSERT INTO certificates (id, serial, issuer_id, profile_id, account_id, order_id, identifiers, key_type, sha256, not_before,
    not_after, created_at, revoked_at, revocation_reason, chain_id, der, replaced_by)
SELECT 'cert-' || lpad(to_hex(ms), 12, '0') || lpad(to_hex(i), 20, '0'), lpad(to_hex(i), 32, '0'), 'iss-internal-ca',
    'prof-' || lpad((h % 20)::text, 2, '0'),
    'acc-' || lpad(to_hex(@START@ - 86400000 + a), 12, '0') || lpad(to_hex(a), 20, '0'),
    'ord-' || lpad(to_hex(ms - 2000), 12, '0') || lpad(to_hex(i), 20, '0'),
    jsonb_build_array(jsonb_build_object('type', 'dns', 'value', name)), 'ecdsa-p256', sha256(i::text::bytea),
    to_timestamp(ms / 1000.0), to_timestamp((ms + 7776000000) / 1000.0), to_timestamp(ms / 1000.0),
    CASE WHEN i % 200 = 3 THEN to_timestamp((ms + 3600000) / 1000.0) END, CASE WHEN i % 200 = 3 THEN 4 END, 'seed',
    decode(repeat(md5(i::text), 38), 'hex'),
    CASE WHEN i + @NAMES@ < @CERTIFICATES@ THEN
        'cert-' || lpad(to_hex(ms + @NAMES@ * (@SPAN@ / @CERTIFICATES@)), 12, '0') || lpad(to_hex(i + @NAMES@), 20, '0') END
FROM c;

INSERT INTO certificate_names (name, certificate_id)
SELECT name, 'cert-' || lpad(to_hex(ms), 12, '0') || lpad(to_hex(i), 20, '0') FROM c ORDER BY name COLLATE "C", i;

INSERT INTO orders (id, account_id, profile_id, status, identifiers, authorization_ids, csr_sha256, certificate_id, created_at,
    expires_at, updated_at)
SELECT order_id, account_id, profile_id, 'valid', identifiers, jsonb_build_array(replace(order_id, 'ord-', 'authz-')),
    lpad(serial, 64, '0'), id, created_at - interval '2 s', created_at + interval '1 day', created_at
FROM certificates WHERE created_at > to_timestamp((@NOW@ - 7776000000) / 1000.0);

INSERT INTO orders (id, account_id, profile_id, status, identifiers, authorization_ids, error, created_at, expires_at, updated_at)
SELECT 'ord-' || lpad(to_hex(ms - 1000), 12, '0') || lpad(to_hex(@CERTIFICATES@ + i), 20, '0'),
    'acc-' || lpad(to_hex(@START@ - 86400000 + a), 12, '0') || lpad(to_hex(a), 20, '0'), 'prof-' || lpad((h % 20)::text, 2, '0'),
    'invalid', jsonb_build_array(jsonb_build_object('type', 'dns', 'value', name)),
    jsonb_build_array('authz-' || lpad(to_hex(ms - 1000), 12, '0') || lpad(to_hex(@CERTIFICATES@ + i), 20, '0')),
    '{"type":"urn:ietf:params:acme:error:connection","detail":"nobody answered on port 80","status":400}',
    to_timestamp((ms - 1000) / 1000.0), to_timestamp((ms + 86400000) / 1000.0), to_timestamp(ms / 1000.0)
FROM c WHERE ms > @NOW@ - 7776000000 AND i % 40 = 5;

INSERT INTO authorizations (id, order_id, position, account_id, identifier_type, identifier_value, wildcard, status, token,
    created_at, expires_at, profile_id)
SELECT replace(o.id, 'ord-', 'authz-'), o.id, 0, o.account_id, 'dns', o.identifiers -> 0 ->> 'value', false, o.status, 'token',
    o.created_at, o.expires_at, o.profile_id
FROM orders o;

INSERT INTO audit_events (id, created_at, actor, action, resource_type, resource_id, outcome, client_ip, request_id, details)
SELECT 'evt-' || lpad(to_hex(ms), 12, '0') || lpad(to_hex(j), 20, '0'), to_timestamp(ms / 1000.0),
    CASE WHEN kind < 19 THEN 'acme:acc-' || lpad(to_hex(@START@ - 86400000 + a), 12, '0') || lpad(to_hex(a), 20, '0')
        WHEN rare % 3 = 0 THEN 'key:key-' || lpad(to_hex(rare % 5), 32, '0') ELSE 'user:usr-' || lpad(to_hex(rare % 10), 32, '0') END,
    CASE WHEN kind < 7 THEN 'order.created' WHEN kind < 13 THEN 'order.finalized' WHEN kind < 18 THEN 'certificate.issued'
        WHEN kind < 19 THEN 'order.refused' WHEN rare = 1 THEN 'profile.updated' WHEN rare = 2 THEN 'api_key.created'
        WHEN rare < 20 THEN 'certificate.revoked' ELSE 'session.created' END,
    CASE WHEN kind < 13 OR kind = 18 THEN 'order' WHEN kind < 18 THEN 'certificate' WHEN rare = 1 THEN 'profile'
        WHEN rare = 2 THEN 'api_key' WHEN rare < 20 THEN 'certificate' ELSE 'session' END,
    CASE WHEN kind < 13 OR kind = 18 THEN 'ord-' || lpad(to_hex(at - 2000), 12, '0') || lpad(to_hex(i), 20, '0')
        WHEN kind < 18 THEN 'cert-' || lpad(to_hex(at), 12, '0') || lpad(to_hex(i), 20, '0')
        WHEN rare = 1 THEN 'prof-00' WHEN rare = 2 THEN 'key-' || lpad(to_hex(j), 32, '0')
        WHEN rare < 20 THEN 'cert-' || lpad(to_hex(at), 12, '0') || lpad(to_hex(i), 20, '0')
        ELSE 'ses-' || lpad(to_hex(j), 32, '0') END,
    CASE WHEN kind = 18 THEN 'refused' ELSE 'success' END, '10.0.0.1', lpad(to_hex(j), 32, '0'),
    jsonb_build_object('identifiers', jsonb_build_array(jsonb_build_object('type', 'dns', 'value', 'host-' || i || '.example.com')),
        'profile_id', 'prof-' || i % 20)
FROM (SELECT j, ms, i, kind, rare, i % @NAMES@ % @ACCOUNTS@ AS a, @START@ + i * (@SPAN@ / @CERTIFICATES@) AS at
    FROM (SELECT j, @START@ + j * (@SPAN@ / @EVENTS@) AS ms, j * @CERTIFICATES@ / @EVENTS@ AS i, j % 20 AS kind, j / 20 % 200 AS rare
        FROM generate_series(0::bigint, @EVENTS@ - 1) AS j) AS e) AS f;
