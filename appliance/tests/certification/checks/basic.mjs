// OpenID Connect Basic OP: the code flow (OpenID Connect Core sections 3.1, 5, 6 and 12).

import assert from "node:assert/strict";

import { Party, REDIRECT, random, refused, s256 } from "../party.mjs";

export const profile = "Basic OP";

// A browser in which somebody has signed in and agreed to that.
const known = async (party, scope = "openid") => {
  const browser = party.op.browser();
  const first = await party.tokens(browser, { scope });
  return { browser, first };
};

export const checks = {
  "a code becomes an ID token and an access token": async (op) => {
    const party = await Party.of(op);
    const { token_type: type, access_token: token, expires_in: life } = await party.tokens(op.browser());
    assert.equal(type.toLowerCase(), "bearer");
    assert.ok(token && life > 0);
  },
  "tokens are not to be kept by caches": async (op) => {
    const party = await Party.of(op);
    const answer = await party.exchange((await party.authorize(op.browser())).told);
    assert.match(answer.headers.get("cache-control"), /no-store/);
    assert.match(answer.headers.get("content-type"), /^application\/json/);
  },
  "without response_type there is an error and no code": async (op) => {
    const party = await Party.of(op);
    const { left, page } = await op.browser().follow(party.request({ response_type: undefined }).url);
    assert.ok(page ?? ["invalid_request", "unsupported_response_type"].includes(left.searchParams.get("error")));
    assert.ok(!left?.searchParams.has("code"));
  },
  "userinfo answers to GET with the token in the header": async (op) => {
    const party = await Party.of(op);
    const { access_token: token, claims } = await party.tokens(op.browser());
    const { status, body } = await party.userinfo(token);
    assert.equal(status, 200);
    assert.equal(body.sub, claims.sub);
  },
  "userinfo answers to POST with the token in the header": async (op) => {
    const party = await Party.of(op);
    const { access_token: token, claims } = await party.tokens(op.browser());
    assert.equal((await party.userinfo(token, { method: "POST" })).body.sub, claims.sub);
  },
  "userinfo answers to POST with the token in the body": async (op) => {
    const party = await Party.of(op);
    const { access_token: token, claims } = await party.tokens(op.browser());
    assert.equal((await party.userinfo(token, { method: "POST", how: "body" })).body.sub, claims.sub);
  },
  "userinfo refuses what is no token": async (op) => {
    const party = await Party.of(op);
    const { status, headers } = await party.userinfo("nonsense");
    assert.equal(status, 401);
    assert.match(headers.get("www-authenticate"), /^Bearer .*invalid_token/);
  },
  "the code flow works without a nonce": async (op) => {
    const party = await Party.of(op);
    const { claims } = await party.tokens(op.browser(), { nonce: undefined });
    assert.equal(claims.nonce, undefined);
  },
  "scope profile brings the claims of the profile": async (op) => {
    const party = await Party.of(op);
    const { access_token: token } = await party.tokens(op.browser(), { scope: "openid profile" });
    assert.ok((await party.userinfo(token)).body.name);
  },
  "scope email brings the mail address": async (op) => {
    const party = await Party.of(op);
    const { access_token: token } = await party.tokens(op.browser(), { scope: "openid email" });
    assert.match((await party.userinfo(token)).body.email, /@/);
  },
  "scopes that nobody knows, and their order, do no harm": async (op) => {
    const party = await Party.of(op);
    const { access_token: token, claims } = await party.tokens(op.browser(), { scope: "email phone address profile openid" });
    assert.equal((await party.userinfo(token)).body.sub, claims.sub);
  },
  "display=page and display=popup do no harm": async (op) => {
    const party = await Party.of(op);
    await party.tokens(op.browser(), { display: "page" });
    await party.tokens(op.browser(), { display: "popup" });
  },
  "prompt=login has the person sign in again": async (op) => {
    const party = await Party.of(op);
    const { browser, first } = await known(party);
    const before = browser.signedIn;
    const { claims } = await party.tokens(browser, { prompt: "login" });
    assert.equal(browser.signedIn, before + 1);
    assert.equal(claims.sub, first.claims.sub);
  },
  "prompt=none without a session is login_required": async (op) => {
    const party = await Party.of(op);
    const { told, parameters } = await party.authorize(op.browser(), { prompt: "none" });
    assert.ok(["login_required", "interaction_required"].includes(told.error), JSON.stringify(told));
    assert.equal(told.state, parameters.state);
  },
  "prompt=none with a session answers without a page": async (op) => {
    const party = await Party.of(op);
    const { browser, first } = await known(party);
    const [signedIn, asked] = [browser.signedIn, browser.asked];
    const { claims } = await party.tokens(browser, { prompt: "none" });
    assert.deepEqual([browser.signedIn, browser.asked], [signedIn, asked]);
    assert.equal(claims.sub, first.claims.sub);
    assert.equal(claims.auth_time, first.claims.auth_time);
  },
  "max_age that is over has the person sign in again": async (op) => {
    const party = await Party.of(op);
    const { browser } = await known(party);
    const before = browser.signedIn;
    const { claims } = await party.tokens(browser, { max_age: "0" });
    assert.equal(browser.signedIn, before + 1);
    assert.ok(claims.auth_time);
  },
  "max_age that is not over asks nobody, and auth_time is told": async (op) => {
    const party = await Party.of(op);
    const { browser } = await known(party);
    const before = browser.signedIn;
    const { claims } = await party.tokens(browser, { max_age: "10000" });
    assert.equal(browser.signedIn, before);
    assert.ok(Number.isInteger(claims.auth_time));
  },
  "a parameter that nobody knows is ignored": async (op) => {
    const party = await Party.of(op);
    await party.tokens(op.browser(), { extra: "foobar" });
  },
  "id_token_hint of the person who is there asks nobody": async (op) => {
    const party = await Party.of(op);
    const { browser, first } = await known(party);
    const { claims } = await party.tokens(browser, { prompt: "none", id_token_hint: first.id_token });
    assert.equal(claims.sub, first.claims.sub);
  },
  "login_hint does no harm": async (op) => {
    const party = await Party.of(op);
    await party.tokens(op.browser(), { login_hint: "cora" });
  },
  "ui_locales and claims_locales do no harm": async (op) => {
    const party = await Party.of(op);
    await party.tokens(op.browser(), { ui_locales: "se", claims_locales: "se" });
  },
  "acr_values that nobody can reach do no harm": async (op) => {
    const party = await Party.of(op);
    const { claims } = await party.tokens(op.browser(), { acr_values: "urn:example:unreachable 1 2" });
    assert.ok(claims.sub);
  },
  "a code works once, and its tokens die with the second try": async (op) => {
    const party = await Party.of(op);
    const { told, access_token: token } = await party.tokens(op.browser());
    refused(await party.exchange(told), "invalid_grant");
    assert.equal((await party.userinfo(token)).status, 401);
  },
  "an address that is not registered is never gone to": async (op) => {
    const party = await Party.of(op);
    const { left, page } = await op.browser().follow(party.request({ redirect_uri: "https://elsewhere.example.org/cb" }).url);
    assert.ok(page && !left);
  },
  "an address with one more parameter is another address": async (op) => {
    const party = await Party.of(op);
    const { left } = await op.browser().follow(party.request({ redirect_uri: `${REDIRECT}?more=1` }).url);
    assert.ok(!left);
  },
  "an address that was registered with a query keeps it": async (op) => {
    const party = await Party.of(op, { redirectUris: [`${REDIRECT}?foo=bar`] });
    const { told } = await party.authorize(op.browser(), { redirect_uri: `${REDIRECT}?foo=bar` });
    assert.equal(told.foo, "bar");
    assert.ok(told.code);
  },
  "the request may come by POST": async (op) => {
    const party = await Party.of(op);
    const { parameters } = party.request();
    const { left } = await op.browser().follow(party.metadata.authorization_endpoint, { fields: parameters });
    assert.equal(left.searchParams.get("state"), parameters.state);
    assert.ok(left.searchParams.get("code"));
  },
  "client_secret_post is taken": async (op) => {
    const party = await Party.of(op, { authentication: "client_secret_post" });
    const { told } = await party.authorize(op.browser());
    const { client_id, client_secret } = party;
    const answer = await party.exchange(told, { client_id, client_secret }, { basic: false });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
  },
  "a wrong secret is invalid_client": async (op) => {
    const party = await Party.of(op);
    const { told } = await party.authorize(op.browser());
    party.client_secret = "wrong";
    const answer = await party.exchange(told);
    assert.equal(answer.status, 401);
    assert.equal(answer.body.error, "invalid_client");
    assert.match(answer.headers.get("www-authenticate"), /^Basic/);
  },
  "a code of another app is invalid_grant": async (op) => {
    const [party, other] = [await Party.of(op), await Party.of(op)];
    const { told } = await party.authorize(op.browser());
    refused(await other.exchange(told), "invalid_grant");
  },
  "a request object is used, or refused as not supported": async (op) => {
    const party = await Party.of(op);
    const object = [{ alg: "none" }, { ...party.request().parameters, state: "inside" }]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    const { told } = await party.authorize(op.browser(), { request: `${object}.` });
    assert.ok(["request_not_supported", "invalid_request_object"].includes(told.error) || told.state === "inside", JSON.stringify(told));
  },
  "a request object by reference is used, or refused as not supported": async (op) => {
    const party = await Party.of(op);
    const { told } = await party.authorize(op.browser(), { request_uri: "https://app.example.org/request.jwt" });
    assert.ok(["request_uri_not_supported", "invalid_request_uri", "invalid_request"].includes(told.error), JSON.stringify(told));
  },
  "an essential claim is brought by userinfo": async (op) => {
    const party = await Party.of(op);
    const claims = JSON.stringify({ userinfo: { name: { essential: true } } });
    const { access_token: token } = await party.tokens(op.browser(), { claims });
    assert.ok((await party.userinfo(token)).body.name);
  },
  "a claim for the ID token is brought there": async (op) => {
    const party = await Party.of(op);
    const asked = JSON.stringify({ id_token: { name: null, auth_time: { essential: true } } });
    const { claims } = await party.tokens(op.browser(), { claims: asked });
    assert.ok(claims.name && claims.auth_time);
  },
  "a refresh token brings new tokens of the same person": async (op) => {
    const party = await Party.of(op);
    const first = await party.tokens(op.browser(), { scope: "openid offline_access", prompt: "consent" });
    const answer = await party.post(party.metadata.token_endpoint, { grant_type: "refresh_token", refresh_token: first.refresh_token });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    if (answer.body.id_token) {
      const claims = await party.idToken(answer.body.id_token, { nonce: (await claimsOf(answer.body.id_token)).nonce });
      assert.equal(claims.sub, first.claims.sub);
      assert.equal(claims.auth_time, first.claims.auth_time);
    }
    assert.equal((await party.userinfo(answer.body.access_token)).status, 200);
  },
  "a refresh token of another app is refused": async (op) => {
    const [party, other] = [await Party.of(op), await Party.of(op)];
    const { refresh_token: token } = await party.tokens(op.browser(), { scope: "openid offline_access", prompt: "consent" });
    refused(await other.post(other.metadata.token_endpoint, { grant_type: "refresh_token", refresh_token: token }), "invalid_grant");
  },
  "PKCE with S256 works, and a wrong verifier does not": async (op) => {
    const party = await Party.of(op);
    const verifier = random() + random();
    const pkce = { code_challenge: s256(verifier), code_challenge_method: "S256" };
    await party.tokens(op.browser(), pkce, { code_verifier: verifier });
    const { told } = await party.authorize(op.browser(), pkce);
    refused(await party.exchange(told, { code_verifier: random() + random() }), "invalid_grant");
  },
  "a verifier that is not there is a downgrade": async (op) => {
    const party = await Party.of(op);
    const { told } = await party.authorize(op.browser(), { code_challenge: s256("x".repeat(43)), code_challenge_method: "S256" });
    refused(await party.exchange(told), "invalid_grant", "invalid_request");
  },
  "a grant that nobody knows is unsupported_grant_type": async (op) => {
    const party = await Party.of(op);
    refused(await party.post(party.metadata.token_endpoint, { grant_type: "password", username: "a", password: "b" }), "unsupported_grant_type", "unauthorized_client");
  },
};

const claimsOf = async (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
