// The rest of what openid-client can do, each with an app of its own: pushed requests, keys instead of secrets, bound tokens, devices
// without a keyboard, apps that act for themselves, looking at tokens and ending them, signing out.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";

import * as jose from "jose";
import * as client from "openid-client";

import { House } from "../browser/house.mjs";
import { forms } from "../certification/agent.mjs";
import { Visitor, fetchTrusting } from "./visitor.mjs";

const REDIRECT = "https://app.example.org/cb";
const BYE = "https://app.example.org/bye";
let house, transport, visitor;

before(async () => {
  house = await House.open();
  transport = fetchTrusting(await readFile(path.join(house.directory, "data/tls/self-made-localhost.crt")));
  visitor = new Visitor(house.origin, transport.send);
  await visitor.moveIn(await house.newcomer("cora", "Cora Vogel"), "Cora Vogel");
});

after(async () => {
  transport?.close();
  await house?.close();
});

const configure = async (name, { authentication, settings = [] } = {}) => {
  const words = ["app", "create", name, "--redirect-uri", REDIRECT, "--allow", "everyone", ...settings];
  const { client_secret: secret } = JSON.parse(await house.latchkey(...words));
  const options = { [client.customFetch]: transport.send };
  return client.discovery(new URL(house.origin), name, secret, authentication?.(secret), options);
};

const checksOf = async (scope) => {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const request = {
    redirect_uri: REDIRECT,
    scope,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
  };
  return { checks, request };
};

const tokensOf = async (config, scope = "openid", options = {}) => {
  const { checks, request } = await checksOf(scope);
  const back = await visitor.authorize(client.buildAuthorizationUrl(config, request));
  return client.authorizationCodeGrant(config, back, checks, undefined, options);
};

const refusedAs = (error) => (thrown) => {
  assert.equal(thrown.error ?? thrown.cause?.error ?? thrown.cause?.[0]?.parameters?.error, error, String(thrown));
  return true;
};

test("a request that was pushed becomes tokens, and one that was not is refused where that is demanded", async () => {
  const config = await configure("pushed", { settings: ["--require-par", "true"] });
  const { checks, request } = await checksOf("openid profile");
  const url = await client.buildAuthorizationUrlWithPAR(config, request);
  assert.deepEqual([...url.searchParams.keys()].sort(), ["client_id", "request_uri"]);
  const tokens = await client.authorizationCodeGrant(config, await visitor.authorize(url), checks);
  assert.equal(tokens.claims().name, "Cora Vogel");
  const { checks: others, request: bare } = await checksOf("openid");
  const back = await visitor.authorize(client.buildAuthorizationUrl(config, bare));
  await assert.rejects(client.authorizationCodeGrant(config, back, others), refusedAs("invalid_request"));
});

test("an app proves itself with a key of its own", async () => {
  const { publicKey, privateKey } = await jose.generateKeyPair("ES256");
  const file = path.join(house.directory, "keys.json");
  await writeFile(file, JSON.stringify({ keys: [{ ...(await jose.exportJWK(publicKey)), kid: "one", alg: "ES256", use: "sig" }] }));
  const key = { key: privateKey, kid: "one" };
  const config = await configure("keyed", { authentication: () => client.PrivateKeyJwt(key), settings: ["--jwks", file] });
  assert.equal((await tokensOf(config)).claims().aud, "keyed");
  const { privateKey: stranger } = await jose.generateKeyPair("ES256");
  const options = { [client.customFetch]: transport.send };
  const wrong = await client.discovery(new URL(house.origin), "keyed", undefined, client.PrivateKeyJwt({ key: stranger, kid: "one" }), options);
  await assert.rejects(tokensOf(wrong), refusedAs("invalid_client"));
});

test("tokens are bound to the key that they were asked for with", async () => {
  const config = await configure("bound", { settings: ["--require-dpop", "true"] });
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
  const tokens = await tokensOf(config, "openid offline_access", { DPoP });
  assert.equal(tokens.token_type, "dpop");
  const { sub } = tokens.claims();
  assert.equal((await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP })).sub, sub);
  await assert.rejects(client.fetchUserInfo(config, tokens.access_token, sub), "as a bearer token it opens nothing");
  const other = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
  await assert.rejects(client.fetchUserInfo(config, tokens.access_token, sub, { DPoP: other }), "nor with another key");
  const fresh = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
  assert.equal(fresh.claims().sub, sub);
  await assert.rejects(tokensOf(config), "the app demands proofs");
});

test("a device without a keyboard gets its tokens when the person says so elsewhere", async () => {
  const config = await configure("television", { settings: ["--device", "true"] });
  const asked = await client.initiateDeviceAuthorization(config, { scope: "openid profile" });
  assert.match(asked.user_code, /^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
  // Whatever the pages ask on the way, up to the one that says that it is done.
  let answer = await visitor.go(asked.verification_uri_complete);
  for (let step = 0; step < 6; step += 1) {
    if (answer.status === 303) {
      answer = await visitor.go(answer.headers.get("location"));
      continue;
    }
    const form = forms(await answer.text()).find(({ action }) => action?.startsWith("/device"));
    if (!form) break;
    answer = await visitor.go(form.action, { ...form.fields, answer: "allow" });
  }
  const tokens = await client.pollDeviceAuthorizationGrant(config, asked);
  assert.equal(tokens.claims().name, "Cora Vogel");
});

test("an app acts for itself, as the service account that it was given", async () => {
  await house.latchkey("service-account", "create", "robot", "--display-name", "Robot");
  const config = await configure("machine", { settings: ["--acts-as", "robot"] });
  const tokens = await client.clientCredentialsGrant(config);
  assert.equal(tokens.token_type, "bearer");
  assert.equal(tokens.refresh_token, undefined);
  const seen = await client.tokenIntrospection(config, tokens.access_token);
  assert.equal(seen.active, true);
  assert.equal(seen.client_id, "machine");
  const other = await configure("idle");
  await assert.rejects(client.clientCredentialsGrant(other), refusedAs("unauthorized_client"));
});

test("a service account exchanges its API token, or uses it as a secret, where an app takes that", async () => {
  await house.latchkey("service-account", "create", "job", "--display-name", "Job");
  await house.latchkey("group", "create", "jobs");
  await house.latchkey("group", "add", "jobs", "job");
  const { token } = JSON.parse(await house.latchkey("service-account", "token", "create", "job"));
  await configure("store", { settings: ["--allow", "jobs", "--service-accounts", "true"] });
  const as = (proof) => {
    const options = { [client.customFetch]: transport.send };
    return client.discovery(new URL(house.origin), "store", undefined, proof, options);
  };
  const subject = { subject_token: token, subject_token_type: "urn:ietf:params:oauth:token-type:access_token" };
  const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
  const exchanged = await client.genericGrantRequest(await as(client.None()), exchange, { ...subject, audience: "store" });
  assert.equal(exchanged.issued_token_type, subject.subject_token_type);
  assert.equal(exchanged.scope, "email groups profile");
  const issued = await client.clientCredentialsGrant(await as(client.ClientSecretPost(token)));
  assert.equal(issued.scope, exchanged.scope);
  const elsewhere = client.genericGrantRequest(await as(client.None()), exchange, { ...subject, audience: "other" });
  await assert.rejects(elsewhere, refusedAs("invalid_target"));
});

test("a token is looked at by its app, and by no other", async () => {
  const config = await configure("looker");
  const tokens = await tokensOf(config, "openid email offline_access");
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    const seen = await client.tokenIntrospection(config, token);
    assert.equal(seen.active, true);
    assert.equal(seen.sub, tokens.claims().sub);
  }
  assert.deepEqual(await client.tokenIntrospection(await configure("curious"), tokens.access_token), { active: false });
});

test("a token that its app gave back opens nothing", async () => {
  const config = await configure("tidy");
  const tokens = await tokensOf(config, "openid offline_access");
  await client.tokenRevocation(config, tokens.refresh_token);
  assert.deepEqual(await client.tokenIntrospection(config, tokens.access_token), { active: false });
  await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), refusedAs("invalid_grant"));
});

test("an access token that servers read themselves is signed for that", async () => {
  const config = await configure("reader", { settings: ["--access-token", "jwt"] });
  const tokens = await tokensOf(config);
  const keys = jose.createLocalJWKSet(await (await transport.send(config.serverMetadata().jwks_uri)).json());
  const checks = { issuer: house.origin, audience: "reader", typ: "at+jwt" };
  const { payload } = await jose.jwtVerify(tokens.access_token, keys, checks);
  assert.equal(payload.client_id, "reader");
  assert.equal((await client.fetchUserInfo(config, tokens.access_token, payload.sub)).sub, payload.sub);
});

test("userinfo is signed for an app that wants it so", async () => {
  const config = await configure("sealed", { settings: ["--userinfo-algorithm", "ES256"] });
  const tokens = await tokensOf(config, "openid profile");
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  const answer = await transport.send(config.serverMetadata().userinfo_endpoint, { headers });
  assert.match(answer.headers.get("content-type"), /^application\/jwt/);
  const keys = jose.createLocalJWKSet(await (await transport.send(config.serverMetadata().jwks_uri)).json());
  const { payload } = await jose.jwtVerify(await answer.text(), keys, { issuer: house.origin, audience: "sealed" });
  assert.equal(payload.name, "Cora Vogel");
});

test("people have another name in every app that wants it so", async () => {
  const [one, other] = [await configure("pair1", { settings: ["--subject", "pairwise"] }), await configure("whole")];
  const [paired, again, open] = [await tokensOf(one), await tokensOf(one), await tokensOf(other)];
  assert.equal(paired.claims().sub, again.claims().sub);
  assert.notEqual(paired.claims().sub, open.claims().sub);
  assert.equal((await client.fetchUserInfo(one, paired.access_token, paired.claims().sub)).sub, paired.claims().sub);
});

// Last: afterwards nobody is signed in.
test("the person signs out of the house from an app, and comes back to it", async () => {
  const config = await configure("leaver", { settings: ["--post-logout-redirect-uri", BYE] });
  const tokens = await tokensOf(config);
  const state = client.randomState();
  const url = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: BYE, state });
  const back = await visitor.authorize(url);
  assert.equal(back.origin + back.pathname, BYE);
  assert.equal(back.searchParams.get("state"), state);
  await assert.rejects(client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub));
});
