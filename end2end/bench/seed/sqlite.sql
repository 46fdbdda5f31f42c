-- A CA after 300 days: every name has had a certificate of 90 days each 60 days, orders are kept for 90 days, events for
-- ever. The database is made anew for each run, so nothing here needs to survive a crash.
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -400000;
PRAGMA temp_store = MEMORY;

INSERT INTO accounts (id, status, jwk, key_thumbprint, contacts, created_at, created_from, version, last_seen_at)
WITH RECURSIVE n (a) AS (SELECT 0 UNION ALL SELECT a + 1 FROM n WHERE a + 1 < @ACCOUNTS@)
SELECT printf('acc-%012x%020x', @START@ - 86400000 + a, a),
    CASE a % 100 WHEN 7 THEN 'suspended' WHEN 8 THEN 'deactivated' ELSE 'valid' END,
    '{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}',
    printf('%043x', a), printf('["mailto:team-%d@dept-%d.example.com"]', a % 500, a % 50),
    (@START@ - 86400000 + a) * 1000, '10.0.0.1', 1, (@START@ + a * (@SPAN@ / @ACCOUNTS@)) * 1000
FROM n;

CREATE TEMP TABLE c AS
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < @CERTIFICATES@)
SELECT i, @START@ + i * (@SPAN@ / @CERTIFICATES@) AS ms, i % @NAMES@ AS h, i % @NAMES@ % @ACCOUNTS@ AS a,
    CASE i % @NAMES@ % 6 WHEN 0 THEN 'web' WHEN 1 THEN 'api' WHEN 2 THEN 'mail' WHEN 3 THEN 'db' WHEN 4 THEN 'cache' ELSE 'shop' END
    || '-' || (i % @NAMES@) || '.' || CASE i % @NAMES@ % 4 WHEN 0 THEN 'prod' WHEN 1 THEN 'test' WHEN 2 THEN 'dev' ELSE 'stage' END
    || '.zone' || (i % @NAMES@ % 200) || '.example.com' AS name
FROM n;

INSERT INTO certificates (id, serial, issuer_id, profile_id, account_id, order_id, identifiers, key_type, sha256, not_before,
    not_after, created_at, revoked_at, revocation_reason, chain_id, der, replaced_by)
SELECT printf('cert-%012x%020x', ms, i), printf('%032x', i), 'iss-internal-ca', printf('prof-%02d', h % 20),
    printf('acc-%012x%020x', @START@ - 86400000 + a, a), printf('ord-%012x%020x', ms - 2000, i),
    '[{"type":"dns","value":"' || name || '"}]', 'ecdsa-p256', randomblob(32), ms * 1000, (ms + 7776000000) * 1000, ms * 1000,
    CASE WHEN i % 200 = 3 THEN (ms + 3600000) * 1000 END, CASE WHEN i % 200 = 3 THEN 4 END, 'seed', randomblob(600),
    CASE WHEN i + @NAMES@ < @CERTIFICATES@ THEN printf('cert-%012x%020x', ms + @NAMES@ * (@SPAN@ / @CERTIFICATES@), i + @NAMES@) END
FROM c;

INSERT INTO certificate_names (name, certificate_id) SELECT name, printf('cert-%012x%020x', ms, i) FROM c ORDER BY name, i;

INSERT INTO orders (id, account_id, profile_id, status, identifiers, authorization_ids, csr_sha256, certificate_id, created_at,
    expires_at, updated_at)
SELECT printf('ord-%012x%020x', ms - 2000, i), printf('acc-%012x%020x', @START@ - 86400000 + a, a), printf('prof-%02d', h % 20),
    'valid', '[{"type":"dns","value":"' || name || '"}]', printf('["authz-%012x%020x"]', ms - 2000, i), printf('%064x', i),
    printf('cert-%012x%020x', ms, i), (ms - 2000) * 1000, (ms + 86400000) * 1000, ms * 1000
FROM c WHERE ms > @NOW@ - 7776000000;

INSERT INTO orders (id, account_id, profile_id, status, identifiers, authorization_ids, error, created_at, expires_at, updated_at)
SELECT printf('ord-%012x%020x', ms - 1000, @CERTIFICATES@ + i), printf('acc-%012x%020x', @START@ - 86400000 + a, a),
    printf('prof-%02d', h % 20), 'invalid', '[{"type":"dns","value":"' || name || '"}]',
    printf('["authz-%012x%020x"]', ms - 1000, @CERTIFICATES@ + i),
    '{"type":"urn:ietf:params:acme:error:connection","detail":"nobody answered on port 80","status":400}',
    (ms - 1000) * 1000, (ms + 86400000) * 1000, ms * 1000
FROM c WHERE ms > @NOW@ - 7776000000 AND i % 40 = 5;

INSERT INTO authorizations (id, order_id, position, account_id, identifier_type, identifier_value, wildcard, status, token,
    created_at, expires_at, profile_id)
SELECT replace(o.id, 'ord-', 'authz-'), o.id, 0, o.account_id, 'dns', json_extract(o.identifiers, '$[0].value'), 0, o.status, 'token',
    o.created_at, o.expires_at, o.profile_id
FROM orders o;

INSERT INTO audit_events (id, created_at, actor, action, resource_type, resource_id, outcome, client_ip, request_id, details)
WITH RECURSIVE n (j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM n WHERE j + 1 < @EVENTS@),
    e AS (SELECT j, @START@ + j * (@SPAN@ / @EVENTS@) AS ms, j * @CERTIFICATES@ / @EVENTS@ AS i, j % 20 AS kind, j / 20 % 200 AS rare FROM n),
    f AS (SELECT *, i % @NAMES@ % @ACCOUNTS@ AS a, @START@ + i * (@SPAN@ / @CERTIFICATES@) AS at FROM e)
SELECT printf('evt-%012x%020x', ms, j), ms * 1000,
    CASE WHEN kind < 19 THEN printf('acme:acc-%012x%020x', @START@ - 86400000 + a, a)
        WHEN rare % 3 = 0 THEN printf('key:key-%032x', rare % 5) ELSE printf('user:usr-%032x', rare % 10) END,
    CASE WHEN kind < 7 THEN 'order.created' WHEN kind < 13 THEN 'order.finalized' WHEN kind < 18 THEN 'certificate.issued'
        WHEN kind < 19 THEN 'order.refused' WHEN rare = 1 THEN 'profile.updated' WHEN rare = 2 THEN 'api_key.created'
        WHEN rare < 20 THEN 'certificate.revoked' ELSE 'session.created' END,
    CASE WHEN kind < 13 OR kind = 18 THEN 'order' WHEN kind < 18 THEN 'certificate' WHEN rare = 1 THEN 'profile'
        WHEN rare = 2 THEN 'api_key' WHEN rare < 20 THEN 'certificate' ELSE 'session' END,
    CASE WHEN kind < 13 OR kind = 18 THEN printf('ord-%012x%020x', at - 2000, i) WHEN kind < 18 THEN printf('cert-%012x%020x', at, i)
        WHEN rare = 1 THEN 'prof-00' WHEN rare = 2 THEN printf('key-%032x', j) WHEN rare < 20 THEN printf('cert-%012x%020x', at, i)
        ELSE printf('ses-%032x', j) END,
    CASE WHEN kind = 18 THEN 'refused' ELSE 'success' END, '10.0.0.1', printf('%032x', j),
    printf('{"identifiers":[{"type":"dns","value":"host-%d.example.com"}],"profile_id":"prof-%02d"}', i, i % 20)
FROM f;

PRAGMA journal_mode = WAL;
