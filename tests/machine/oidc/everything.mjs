// A certified client of OpenID Connect, panva's, with everything it can: it registers itself, pushes
// what it asks for, proves a key, is a device, and leaves: node everything.mjs ISSUER OPTIONS. It says
// where a browser has to go, reads where that was sent back to, says what is to be typed, and waits.
import { createInterface } from "node:readline";
import * as oc from "openid-client";

const [, , issuer, json] = process.argv;
const { token, callback, bye } = JSON.parse(json);
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
const device = "urn:ietf:params:oauth:grant-type:device_code";

const server = await oc.dynamicClientRegistration(
  new URL(issuer),
  {
    client_name: "openid-client",
    redirect_uris: [callback],
    post_logout_redirect_uris: [bye],
    grant_types: ["authorization_code", "refresh_token", device],
    token_endpoint_auth_method: "client_secret_post",
    require_pushed_authorization_requests: true,
  },
  undefined,
  { execute: [oc.allowInsecureRequests], ...(token ? { initialAccessToken: token } : {}) },
);

const DPoP = oc.getDPoPHandle(server, await oc.randomDPoPKeyPair());
const verifier = oc.randomPKCECodeVerifier();
const state = oc.randomState();
const nonce = oc.randomNonce();
const wish = {
  redirect_uri: callback,
  scope: "openid email",
  state,
  nonce,
  code_challenge: await oc.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
};
const url = await oc.buildAuthorizationUrlWithPAR(server, wish, { DPoP });
say({ go: url.href, pushed: [...url.searchParams.keys()].sort() });

const back = new URL((await lines.next()).value);
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
const other = oc.getDPoPHandle(server, await oc.randomDPoPKeyPair());
const stolen = await refused(() =>
  oc.authorizationCodeGrant(server, back, checks, undefined, { DPoP: other }),
);
const tokens = await oc.authorizationCodeGrant(server, back, checks, undefined, { DPoP });
const { sub } = tokens.claims();
const renewed = await oc.refreshTokenGrant(server, tokens.refresh_token, undefined, { DPoP });
const about = await oc.fetchUserInfo(server, renewed.access_token, sub, { DPoP });
const copied = await refused(() => oc.fetchUserInfo(server, renewed.access_token, sub));

const started = await oc.initiateDeviceAuthorization(server, { scope: "openid" });
say({ page: started.verification_uri, type: started.user_code });
await lines.next();
const given = await oc.pollDeviceAuthorizationGrant(server, started);
const leave = { id_token_hint: tokens.id_token, post_logout_redirect_uri: bye, state: "gone" };
say({
  name: server.clientMetadata().client_name,
  type: renewed.token_type,
  email: about.email,
  device: given.claims().sub,
  stolen,
  copied,
  leave: oc.buildEndSessionUrl(server, leave).href,
});
process.exit(0);
