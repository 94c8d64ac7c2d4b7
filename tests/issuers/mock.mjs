// An issuer that signs whatever it is told to (oauth2-mock-server), over HTTPS on loopback, or HTTP without a certificate.
//   node mock.mjs [--cert PEM --key PEM] [--port 0] [--host 127.0.0.1] [--alg ES256]
// When ready it says {"issuer": ..., "port": ..., "kid": ...}. Commands on stdin, each answered by a line:
//   add ALG [KID]    a new key; {"kid": ..., "kids": all}
//   remove KID       {"kids": those left}
//   token JSON       {"token": ...}; JSON: {"kid": which key, "header": {...}, "claims": {...}, "seconds": how long it is good}, all of
//                    them optional; a header or claim of null is left out
// Its own endpoints are those of the package: /.well-known/openid-configuration, /jwks, /token, which gives a token to anybody.
import { OAuth2Issuer, OAuth2Service } from 'oauth2-mock-server';
import { listen, options, serve } from './lines.mjs';

const given = options({ cert: '', key: '', port: '0', host: '127.0.0.1', alg: 'ES256' });
let issuer;
let listener = (request, response) => response.writeHead(503).end();
const place = await listen(given, () => listener);

// A store of keys has no way to remove one, so there is a new issuer each time.
async function use(keys) {
  issuer = new OAuth2Issuer();
  issuer.url = place.issuer;
  for (const key of keys) await issuer.keys.add(key);
  listener = new OAuth2Service(issuer).requestHandler;
}

const kids = () => issuer.keys.toJSON().map((key) => key.kid);
const merge = (into, changes = {}) => {
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete into[name];
    else into[name] = value;
  }
};

await use([]);
const { kid } = await issuer.keys.generate(given.alg);
serve({ ...place, kid }, {
  async add(words) {
    const [alg, name] = words.split(' ');
    const key = await issuer.keys.generate(alg, name ? { kid: name } : {});
    return { kid: key.kid, kids: kids() };
  },
  async remove(name) {
    if (!kids().includes(name)) throw new Error(`there is no key ${name}`);
    await use(issuer.keys.toJSON(true).filter((key) => key.kid !== name));
    return { kids: kids() };
  },
  async token(text) {
    const wanted = JSON.parse(text || '{}');
    const change = (header, payload) => {
      merge(header, wanted.header);
      merge(payload, wanted.claims);
    };
    return { token: await issuer.buildToken({ kid: wanted.kid, expiresIn: wanted.seconds, scopesOrTransform: change }) };
  },
});
