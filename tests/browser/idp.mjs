// A provider of somebody else's making (npm oidc-provider) with three people and its own pages for signing in. It is told PORT, and CLIENTS
// as JSON, and says when it listens.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const port = Number(process.env.PORT);
const jwk = (key, more) => ({ ...key.privateKey.export({ format: 'jwk' }), use: 'sig', ...more });
const people = {
  hanako: { preferred_username: 'hanako', groups: ['misogi-operators', 'misogi-staff'] },
  taro: { preferred_username: 'Taro', groups: ['misogi-staff'] },
  dareka: { preferred_username: 'dareka', groups: [] },
};
const provider = new Provider(`http://localhost:${port}`, {
  clients: JSON.parse(process.env.CLIENTS),
  jwks: { keys: [
    jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }), { alg: 'RS256', kid: 'rsa' }),
    jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }), { alg: 'ES256', kid: 'ec' }),
    jwk(generateKeyPairSync('ed25519'), { alg: 'EdDSA', kid: 'ed' }),
  ] },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
  pkce: { required: () => true, methods: ['S256'] },
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
  // As the providers of organisations do: what is asked for is in the token itself.
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  findAccount: (_, sub) => (people[sub] ? { accountId: sub, claims: () => ({ sub, ...people[sub] }) } : undefined),
  cookies: { keys: ['of the test'] },
});
provider.listen(port, '127.0.0.1', () => console.log('listening'));
