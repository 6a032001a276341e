// A relying party that we did not write: openid-client does what an app does, against the real binary over TLS.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";

import * as client from "openid-client";

import { House } from "../browser/house.mjs";
import { Visitor, fetchTrusting } from "./visitor.mjs";

const REDIRECT = "https://app.example.org/cb";
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

// Makes an app and lets openid-client discover the house for it.
const configure = async (name, authentication, ...settings) => {
  const words = ["app", "create", name, "--redirect-uri", REDIRECT, "--allow", "everyone", ...settings];
  const { client_secret: secret } = JSON.parse(await house.latchkey(...words));
  const options = { [client.customFetch]: transport.send };
  const config = await client.discovery(new URL(house.origin), name, secret, authentication?.(secret), options);
  return { config };
};

// The code flow with PKCE, state and nonce, up to the address that the browser is sent back to.
const begin = async (config, scope, extra = {}) => {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
    ...extra,
  });
  return { back: await visitor.authorize(url), checks };
};

const refusedAs = (error) => (thrown) => {
  assert.equal(thrown.error ?? thrown.cause?.error, error, String(thrown));
  return true;
};

test("discovery, code with PKCE and nonce, userinfo, refresh, and reuse refused", async () => {
  const { config } = await configure("notes");
  const { back, checks } = await begin(config, "openid profile email groups offline_access");
  assert.equal(back.searchParams.get("iss"), house.origin);
  const tokens = await client.authorizationCodeGrant(config, back, checks);
  const claims = tokens.claims();
  assert.equal(claims.iss, house.origin);
  assert.equal(claims.preferred_username, "cora");
  assert.equal(claims.name, "Cora Vogel");
  assert.equal(claims.acr, "passkey");

  const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  assert.equal(info.name, "Cora Vogel");
  assert.deepEqual(info.groups, claims.groups);

  const fresh = await client.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal(fresh.claims().sub, claims.sub);
  assert.notEqual(fresh.refresh_token, tokens.refresh_token);
  // An answer may be lost: soon, and once, the token before is good again. Then nothing of the family is.
  const again = await client.refreshTokenGrant(config, tokens.refresh_token);
  await assert.rejects(client.refreshTokenGrant(config, fresh.refresh_token), refusedAs("invalid_grant"));
  await assert.rejects(client.refreshTokenGrant(config, again.refresh_token), refusedAs("invalid_grant"));
});

test("a reused code is refused and takes its tokens with it", async () => {
  const { config } = await configure("recipes");
  const { back, checks } = await begin(config, "openid");
  const tokens = await client.authorizationCodeGrant(config, back, checks);
  const { sub } = tokens.claims();
  await client.fetchUserInfo(config, tokens.access_token, sub);
  await assert.rejects(client.authorizationCodeGrant(config, back, checks), refusedAs("invalid_grant"));
  await assert.rejects(client.fetchUserInfo(config, tokens.access_token, sub));
});

test("a wrong verifier is refused", async () => {
  const { config } = await configure("shelf");
  const { back, checks } = await begin(config, "openid");
  const wrong = { ...checks, pkceCodeVerifier: client.randomPKCECodeVerifier() };
  await assert.rejects(client.authorizationCodeGrant(config, back, wrong), refusedAs("invalid_grant"));
});

test("every way in which a client proves itself works", async () => {
  for (const [name, authentication, ...settings] of [
    ["basic", client.ClientSecretBasic],
    ["posted", client.ClientSecretPost],
    ["native", () => client.None(), "--public"],
  ]) {
    const { config } = await configure(name, authentication, ...settings);
    const { back, checks } = await begin(config, "openid");
    const tokens = await client.authorizationCodeGrant(config, back, checks);
    assert.equal(tokens.claims().aud, name);
  }
});

test("an app that needs RS256 gets it", async () => {
  const { config } = await configure("oldtimer", undefined, "--algorithm", "RS256");
  const { back, checks } = await begin(config, "openid");
  const tokens = await client.authorizationCodeGrant(config, back, checks);
  const header = JSON.parse(Buffer.from(tokens.id_token.split(".")[0], "base64url"));
  assert.equal(header.alg, "RS256");
  assert.equal((await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)).sub, tokens.claims().sub);
});

test("consent is asked once, and again when the scopes grow", async () => {
  const { config } = await configure("curious");
  const asked = async (scope) => {
    visitor.asked = 0;
    await begin(config, scope);
    return visitor.asked;
  };
  assert.equal(await asked("openid"), 1);
  assert.equal(await asked("openid"), 0);
  assert.equal(await asked("openid email"), 1);
  assert.equal(await asked("openid email"), 0);
});

test("prompt=none is answered without a page", async () => {
  const { config } = await configure("silent");
  const { back, checks } = await begin(config, "openid", { prompt: "none" });
  await assert.rejects(client.authorizationCodeGrant(config, back, checks), refusedAs("consent_required"));
});
