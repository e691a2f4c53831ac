// An OpenID Connect provider as an office may run one. Its configuration is the first line of standard input; it
// prints one line when it listens, and ends with its standard input.
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { port, issuer, jwks, clients, claims, algorithm, clockOffset } = JSON.parse((await lines.next()).value);

const now = Date.now;
Date.now = () => now() + clockOffset * 1000; // a provider whose clock is wrong by so many seconds

const provider = new Provider(issuer, {
  jwks: { keys: jwks },
  clients: Object.entries(clients).map(([client_id, client_secret]) => ({
    client_id,
    client_secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  })),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:cchc',
      getResourceServerInfo: (_context, resource) => ({
        scope: '',
        audience: resource.replace(/^urn:/, ''),
        accessTokenTTL: 600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: algorithm } },
      }),
    },
  },
  extraTokenClaims: (_context, token) => claims[token.clientId],
});

provider.listen(port, '127.0.0.1', () => console.log('listening'));
process.stdin.on('close', () => process.exit(0));
