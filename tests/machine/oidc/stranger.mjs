// A client that knows the address of an API and nothing else, as those of the Model Context Protocol:
// node stranger.mjs API OPTIONS. On panva's oauth4webapi: it asks the API for its metadata, which name
// the authorization server; registers itself there, without a secret; says where a browser has to go,
// reads where that was sent back to, and calls the API with the token that it gets.
import { createInterface } from "node:readline";
import * as oauth from "oauth4webapi";

const [, , api, json] = process.argv;
const { token, callback } = JSON.parse(json);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (what) => console.log(JSON.stringify(what));
const here = { [oauth.allowInsecureRequests]: true }; // everything is on this machine

const refusal = await fetch(`${api}/things`);
const [, metadata] = /resource_metadata="([^"]+)"/.exec(refusal.headers.get("www-authenticate"));
const resource = await oauth.processResourceDiscoveryResponse(
  new URL(api),
  await oauth.resourceDiscoveryRequest(new URL(api), here),
);
const issuer = new URL(resource.authorization_servers[0]);
const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...here }),
);
const client = await oauth.processDynamicClientRegistrationResponse(
  await oauth.dynamicClientRegistrationRequest(
    server,
    {
      client_name: "A stranger",
      redirect_uris: [callback],
      application_type: "native",
      token_endpoint_auth_method: "none",
    },
    { ...here, ...(token ? { initialAccessToken: token } : {}) },
  ),
);

const verifier = oauth.generateRandomCodeVerifier();
const state = oauth.generateRandomState();
const url = new URL(server.authorization_endpoint);
url.search = new URLSearchParams({
  client_id: client.client_id,
  response_type: "code",
  redirect_uri: callback,
  scope: resource.scopes_supported.join(" "),
  resource: resource.resource,
  state,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
});
say({ go: url.href, metadata });

const back = oauth.validateAuthResponse(server, client, new URL((await lines.next()).value), state);
const none = oauth.None();
const tokens = await oauth.processAuthorizationCodeResponse(
  server,
  client,
  await oauth.authorizationCodeGrantRequest(server, client, none, back, callback, verifier, {
    additionalParameters: { resource: resource.resource },
    ...here,
  }),
);
const call = async (given) => {
  const answer = await oauth.protectedResourceRequest(
    given.access_token,
    "GET",
    new URL(`${api}/things`),
    undefined,
    undefined,
    here,
  );
  return await answer.json();
};
const first = await call(tokens);
const renewed = await oauth.processRefreshTokenResponse(
  server,
  client,
  await oauth.refreshTokenGrantRequest(server, client, none, tokens.refresh_token, {
    additionalParameters: { resource: resource.resource },
    ...here,
  }),
);
say({ first, again: await call(renewed) });
process.exit(0);
