// A real OpenID provider for the tests: npm oidc-provider on a free loopback port, everything in memory.
//
// The first line on standard input is its configuration (JSON: cert, key, origin, provider, clientId, clientSecret, alg,
// idTokenClaims, users); the first line on standard output is {"issuer": …}. Then each line on standard input is a command
// (rotate, retire), answered by a line. It ends with its standard input, so none outlives the test that started it.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const config = JSON.parse((await lines.next()).value);
const say = (message) => console.log(JSON.stringify(message));

const curves = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};
function signingKey() {
  const jwk = curves[config.alg]().privateKey.export({ format: 'jwk' });
  return { ...jwk, kid: randomUUID(), use: 'sig', alg: config.alg };
}
// In the set, but never for signatures.
const encryptionKey = {
  ...curves.RS256().privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'enc', alg: 'RSA-OAEP',
};
let keys = [signingKey()];
const cookieKeys = [randomUUID()];

// What all providers built here share: a change of keys makes a new one, and must not end sessions.
const entries = new Map();
class Memory {
  constructor(kind) { this.kind = kind; }
  key(id) { return `${this.kind} ${id}`; }
  async upsert(id, payload, expiresIn) {
    const ends = expiresIn ? Date.now() + 1000 * expiresIn : Infinity;
    entries.set(this.key(id), { payload, ends });
    if (payload.uid) entries.set(`uid ${payload.uid}`, { payload: id, ends });
  }
  read(key) {
    const entry = entries.get(key);
    return entry && entry.ends > Date.now() ? entry.payload : undefined;
  }
  async find(id) { return this.read(this.key(id)); }
  async findByUid(uid) { return this.find(this.read(`uid ${uid}`)); }
  async findByUserCode() { return undefined; }
  async consume(id) { (await this.find(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { entries.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key);
  }
}

const server = createServer({ cert: config.cert, key: config.key });
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `https://localhost:${server.address().port}`;

function settings() {
  const at = (path) => `${config.origin}/auth/oidc/${config.provider}/${path}`;
  return {
    adapter: Memory,
    jwks: { keys: [...keys, encryptionKey] },
    cookies: { keys: cookieKeys },
    clients: [{
      client_id: config.clientId,
      client_secret: config.clientSecret,
      redirect_uris: [at('callback')],
      post_logout_redirect_uris: [`${config.origin}/sign-in`],
      backchannel_logout_uri: at('backchannel-logout'),
      backchannel_logout_session_required: true,
      id_token_signed_response_alg: config.alg,
      response_types: ['code'],
      grant_types: ['authorization_code'],
    }],
    enabledJWA: { idTokenSigningAlgValues: [config.alg] },
    pkce: { required: () => true },
    scopes: ['openid', 'profile', 'email', 'groups'],
    claims: {
      openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'],
    },
    conformIdTokenClaims: !config.idTokenClaims,
    ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 3600, IdToken: 300, Interaction: 600, Session: 3600 },
    features: {
      devInteractions: { enabled: true },
      // Makes use of the encryption key.
      encryption: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          const button = '<button name="logout" value="yes">Yes</button>';
          ctx.body = `<!DOCTYPE html><title>Sign out?</title>${form.replace('</form>', `${button}</form>`)}`;
        },
      },
    },
    async findAccount(ctx, id) {
      const claims = config.users[id];
      return claims && { accountId: id, claims: async () => ({ sub: id, ...claims }) };
    },
    // Nobody is asked for consent: the one client may have what it asks for.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        accountId: oidc.session.accountId, clientId: oidc.client.clientId,
      });
      grant.addOIDCScope(oidc.params.scope);
      await grant.save();
      return grant;
    },
    // Outgoing requests refuse loopback addresses; the server under test is one.
    fetch(url, options) {
      const { dispatcher, ...others } = options;
      return fetch(url, new URL(url).origin === config.origin ? others : options);
    },
  };
}

let handle;
function build() {
  const provider = new Provider(issuer, settings());
  provider.on('backchannel.error', (ctx, error) => console.error('back-channel logout:', error));
  provider.on('server_error', (ctx, error) => console.error(error));
  handle = provider.callback();
}
build();
server.on('request', (request, response) => handle(request, response));
say({ issuer });

for await (const command of lines) {
  // First both keys are published, then the old one is gone, as a careful operator does it.
  if (command === 'rotate') keys = [signingKey(), ...keys];
  if (command === 'retire') keys = keys.slice(0, 1);
  build();
  say({ keys: keys.map((key) => key.kid) });
}
process.exit(0);
