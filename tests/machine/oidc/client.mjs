// A certified client of OpenID Connect, panva's: node client.mjs ISSUER OPTIONS. It prints where a
// browser has to go, reads where that was sent back to, and says what it got, each as one line.
import { createInterface } from "node:readline";
import * as oc from "openid-client";

const [, , issuer, json] = process.argv;
const { id, secret, method, callback } = JSON.parse(json);
const ways = {
  client_secret_basic: () => oc.ClientSecretBasic(secret),
  client_secret_post: () => oc.ClientSecretPost(secret),
  none: () => oc.None(),
};
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (what) => console.log(JSON.stringify(what));
const refused = async (attempt) => {
  try {
    await attempt();
  } catch (error) {
    return error.error ?? error.code;
  }
  return "accepted";
};

const server = await oc.discovery(new URL(issuer), id, {}, ways[method](), {
  execute: [oc.allowInsecureRequests],
});
const verifier = oc.randomPKCECodeVerifier();
const state = oc.randomState();
const nonce = oc.randomNonce();
const url = oc.buildAuthorizationUrl(server, {
  redirect_uri: callback,
  scope: "openid email read",
  state,
  nonce,
  max_age: "600",
  code_challenge: await oc.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
});
say({ go: url.href });

const back = new URL((await lines.next()).value);
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
checks.maxAge = 600;
checks.idTokenExpected = true;
const tokens = await oc.authorizationCodeGrant(server, back, checks);
const subject = tokens.claims().sub;
const renewed = await oc.refreshTokenGrant(server, tokens.refresh_token);
const about = await oc.fetchUserInfo(server, renewed.access_token, subject);
const known =
  method === "none" ? null : await oc.tokenIntrospection(server, renewed.access_token);
await oc.tokenRevocation(server, renewed.access_token);
say({
  subject,
  email: about.email,
  active: known?.active,
  revoked: await refused(() => oc.fetchUserInfo(server, renewed.access_token, subject)),
  refreshed: await refused(() => oc.refreshTokenGrant(server, tokens.refresh_token)),
  replayed: await refused(() => oc.authorizationCodeGrant(server, back, checks)),
});
process.exit(0);
