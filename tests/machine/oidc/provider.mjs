// A certified provider of OpenID Connect, for one client: node provider.mjs ISSUER CLIENT
import { Provider } from 'oidc-provider';

const [issuer, client] = process.argv.slice(2);
const provider = new Provider(issuer, {
  clients: [JSON.parse(client)],
  cookies: { keys: ['for tests only'] },
  claims: { openid: ['sub', 'acr', 'amr', 'auth_time'], email: ['email', 'email_verified'], profile: ['name'] },
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('openid'),
  ttl: { AccessToken: 600 },
  // It refuses to call addresses of its own machine; here the client is on it.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  features: {
    devInteractions: { enabled: true },
    backchannelLogout: { enabled: true },
    revocation: { enabled: true },
  },
  findAccount: async (ctx, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, name: id, email: `${id}@example.test`, email_verified: true }),
  }),
});
provider.listen(Number(new URL(issuer).port), '127.0.0.1', () => console.log('ready'));
