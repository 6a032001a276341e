// openid-client on a device without a browser, and as an app that registers itself.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";

import * as client from "openid-client";

import { House } from "../browser/house.mjs";
import { Visitor, fetchTrusting } from "./visitor.mjs";

const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
const REDIRECT = "https://app.example.org/cb";
let house, transport, visitor, options;

before(async () => {
  house = await House.open();
  transport = fetchTrusting(await readFile(path.join(house.directory, "data/tls/self-made-localhost.crt")));
  options = { [client.customFetch]: transport.send };
  visitor = new Visitor(house.origin, transport.send);
  await visitor.moveIn(await house.newcomer("cora", "Cora Vogel"), "Cora Vogel");
});

after(async () => {
  transport?.close();
  await house?.close();
});

const answer = (codes, answer) => visitor.go("/device", { code: codes.user_code, answer });

const register = async (metadata) => {
  const { token } = JSON.parse(await house.latchkey("app", "registration-token", "create", "--allow", "everyone"));
  return client.dynamicClientRegistration(new URL(house.origin), metadata, undefined, { ...options, initialAccessToken: token });
};

test("a device waits for the person and gets its tokens", async () => {
  await house.latchkey("app", "create", "films", "--public", "--device", "true", "--allow", "everyone");
  const config = await client.discovery(new URL(house.origin), "films", undefined, client.None(), options);
  const codes = await client.initiateDeviceAuthorization(config, { scope: "openid profile offline_access" });
  assert.equal((await visitor.go(codes.verification_uri_complete)).status, 303);
  assert.equal((await answer(codes, "allow")).status, 200);
  const tokens = await client.pollDeviceAuthorizationGrant(config, codes);
  assert.equal(tokens.claims().preferred_username, "cora");
  const fresh = await client.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal((await client.fetchUserInfo(config, fresh.access_token, tokens.claims().sub)).name, "Cora Vogel");
});

test("an app registers itself and signs somebody in", async () => {
  const config = await register({ client_name: "Album", redirect_uris: [REDIRECT] });
  const checks = { pkceCodeVerifier: client.randomPKCECodeVerifier(), idTokenExpected: true };
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope: "openid profile",
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const tokens = await client.authorizationCodeGrant(config, await visitor.authorize(url), checks);
  assert.equal(tokens.claims().name, "Cora Vogel");
  assert.equal(JSON.parse(Buffer.from(tokens.id_token.split(".")[0], "base64url")).alg, "RS256", "as the standard has it");
});

test("a device registers itself, and a no is a no", async () => {
  const config = await register({ grant_types: [DEVICE], response_types: [], token_endpoint_auth_method: "none" });
  const codes = await client.initiateDeviceAuthorization(config, { scope: "openid" });
  await answer(codes, "deny");
  await assert.rejects(client.pollDeviceAuthorizationGrant(config, codes), (thrown) => thrown.error === "access_denied");
});

test("nobody registers without a token", async () => {
  const metadata = { redirect_uris: [REDIRECT] };
  await assert.rejects(client.dynamicClientRegistration(new URL(house.origin), metadata, undefined, options));
});
