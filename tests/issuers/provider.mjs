// An OpenID provider (oidc-provider) over HTTPS on loopback, for tests.
//   node provider.mjs --cert PEM --key PEM [--port 0] [--host 127.0.0.1] [--ttl 300] [--shared-rsa yes]
// --ttl: how long tokens are good; --shared-rsa: one RSA key, without "alg", for RS256 and PS256, which is what most providers have.
// When ready it says {"issuer": ..., "port": ...}. Commands on stdin, each answered by a line:
//   rotate     a new key for each algorithm, put first and signed with from now on; {"kids": all, "new": those}
//   retire     all but the newest key of each algorithm are gone; {"kids": those left}
//   requests   how often each path was asked for so far; {"requests": {path: times}}
// Clients: service-ALG (secret: "secret") for client_credentials, web-ALG (public) for a code with PKCE, ALG being RS256, PS256,
// ES256 or EdDSA: what its access tokens and id tokens are signed with. Resources: urn:assay:orders, urn:assay:billing; the audience
// is the last word.
import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import Provider, { errors } from 'oidc-provider';
import { listen, options, serve } from './lines.mjs';

console.info = console.error; // stdout is for answers

const given = options({ cert: '', key: '', port: '0', host: '127.0.0.1', ttl: '300', 'shared-rsa': '' });
const KINDS = {
  RS256: ['rsa', { modulusLength: 2048 }], PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }], EdDSA: ['ed25519', {}],
};
const USERS = {
  alice: { password: 'wonderland', email: 'alice@example.com', name: 'Alice', roles: ['user'] },
  boss: { password: 'the-boss', email: 'boss@example.com', name: 'The Boss', roles: ['admin'] },
};
const SCOPES = 'orders:read orders:write';
const CALLBACK = 'https://app.example.com/callback'; // nobody is there: the test reads the redirect

async function newKeys() {
  const algs = Object.keys(KINDS).filter((alg) => !(given['shared-rsa'] && alg === 'PS256'));
  return Promise.all(algs.map(async (alg) => {
    const { privateKey } = await promisify(generateKeyPair)(...KINDS[alg]);
    const shared = given['shared-rsa'] && alg === 'RS256';
    const kid = `${shared ? 'RSA' : alg}-${randomBytes(4).toString('hex')}`;
    return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', ...(shared ? {} : { alg }) };
  }));
}

// In memory, and kept when the provider is replaced by one with other keys.
const kept = new Map();
class Memory {
  constructor(model) {
    this.model = model;
  }
  all() {
    return [...kept].filter(([key]) => key.startsWith(`${this.model}:`)).map(([, value]) => value);
  }
  async upsert(id, value) {
    kept.set(`${this.model}:${id}`, value);
  }
  async find(id) {
    return kept.get(`${this.model}:${id}`);
  }
  async findByUid(uid) {
    return this.all().find((value) => value.uid === uid);
  }
  async findByUserCode(code) {
    return this.all().find((value) => value.userCode === code);
  }
  async consume(id) {
    kept.get(`${this.model}:${id}`).consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    kept.delete(`${this.model}:${id}`);
  }
  async revokeByGrantId(grant) {
    for (const [key, value] of kept) if (value.grantId === grant) kept.delete(key);
  }
}

const clients = Object.keys(KINDS).flatMap((alg) => [{
  client_id: `service-${alg}`, client_secret: 'secret', grant_types: ['client_credentials'], response_types: [], redirect_uris: [],
  id_token_signed_response_alg: alg,
}, {
  client_id: `web-${alg}`, token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'], redirect_uris: [CALLBACK], id_token_signed_response_alg: alg,
}]);

// The application is ours: who signed in has consented to what it asks for.
async function grantAll(ctx) {
  const { oidc } = ctx;
  const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
  const scopes = oidc.params.scope ?? '';
  grant.addOIDCScope(scopes.split(' ').filter((scope) => !scope.includes(':')).join(' '));
  for (const resource of [oidc.params.resource ?? []].flat()) grant.addResourceScope(resource, scopes);
  await grant.save();
  return grant;
}

function makeProvider(issuer, keys) {
  return new Provider(issuer, {
    adapter: Memory, clients, jwks: { keys },
    cookies: { keys: ['of a test'] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], roles: ['roles'] },
    scopes: ['openid', 'offline_access', 'email', 'profile', 'roles'],
    conformIdTokenClaims: false,
    extraTokenClaims: (ctx, token) => ({ roles: token.kind === 'ClientCredentials' ? ['service'] : USERS[token.accountId].roles }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo(ctx, resource, client) {
          const audience = /^urn:assay:(orders|billing)$/.exec(resource)?.[1];
          if (!audience) throw new errors.InvalidTarget();
          return {
            audience, scope: SCOPES, accessTokenFormat: 'jwt', accessTokenTTL: Number(given.ttl),
            jwt: { sign: { alg: client.idTokenSignedResponseAlg } },
          };
        },
      },
    },
    findAccount: (ctx, id) => {
      const { password, ...claims } = USERS[id];
      return { accountId: id, claims: () => ({ sub: id, email_verified: true, ...claims }) };
    },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    loadExistingGrant: grantAll,
    pkce: { required: () => true },
    ttl: { AccessToken: Number(given.ttl), ClientCredentials: Number(given.ttl), IdToken: Number(given.ttl), Grant: 3600, Session: 3600,
      Interaction: 600, RefreshToken: 3600 },
  });
}

const form = (path, words) => `<!doctype html><title>Sign in</title><p>${words}</p><form method="post" action="${path}">
<input name="email" type="email"><input name="password" type="password"><button>Sign in</button></form>`;

async function body(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return new URLSearchParams(text);
}

async function signIn(provider, request, response) {
  const { prompt } = await provider.interactionDetails(request, response);
  const show = (code, words) => response.writeHead(code, { 'Content-Type': 'text/html' }).end(form(request.url, words));
  if (prompt.name !== 'login') return show(400, `There is no form for ${prompt.name}.`);
  if (request.method !== 'POST') return show(200, 'Who are you?');
  const sent = await body(request);
  const [id, user] = Object.entries(USERS).find(([, { email }]) => email === sent.get('email')) ?? [];
  if (!user || user.password !== sent.get('password')) return show(401, 'No such e-mail with that password.');
  return provider.interactionFinished(request, response, { login: { accountId: id } });
}

let listener = (request, response) => response.writeHead(503).end();
const requests = {};
const { port, issuer } = await listen(given, () => listener);
let keys = [];

function use(all) {
  keys = all;
  const provider = makeProvider(issuer, keys);
  provider.on('server_error', (ctx, error) => console.error(error));
  const rest = provider.callback();
  listener = (request, response) => {
    const path = request.url.split('?')[0];
    requests[path] = (requests[path] ?? 0) + 1;
    if (!path.startsWith('/interaction/')) return rest(request, response);
    return signIn(provider, request, response).catch((error) => response.writeHead(400).end(String(error)));
  };
}

const kids = (some) => some.map((key) => key.kid);

use(await newKeys());
serve({ issuer, port }, {
  async rotate() {
    const fresh = await newKeys();
    use([...fresh, ...keys]);
    return { kids: kids(keys), new: kids(fresh) };
  },
  retire() {
    const newest = new Map();
    for (const key of keys) if (!newest.has(key.kid.split('-')[0])) newest.set(key.kid.split('-')[0], key);
    use([...newest.values()]);
    return { kids: kids(keys) };
  },
  requests: () => ({ requests }),
});
