// OpenID Connect Dynamic OP: apps that register themselves (OpenID Connect Dynamic Client Registration, RFC 7591, RFC 7592).

import assert from "node:assert/strict";

import { Party, REDIRECT, discover } from "../party.mjs";

export const profile = "Dynamic OP";

const register = async (op, metadata, token) => {
  const { registration_endpoint: endpoint } = await discover(op);
  const headers = { "content-type": "application/json", accept: "application/json" };
  if (token !== null) headers.authorization = `Bearer ${token ?? (await op.registrationToken())}`;
  const answer = await op.send(endpoint, { method: "POST", headers, body: JSON.stringify(metadata) });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : undefined };
};

const registered = async (op, metadata = {}) => {
  const { status, body } = await register(op, { redirect_uris: [REDIRECT], client_name: "Registered", ...metadata });
  assert.equal(status, 201, JSON.stringify(body));
  return body;
};

const party = async (op, client) => Object.assign(new Party(), { op, ...client, metadata: await discover(op) });

const manage = async (op, client, method, body) => {
  const headers = { authorization: `Bearer ${client.registration_access_token}`, accept: "application/json" };
  if (body) headers["content-type"] = "application/json";
  const answer = await op.send(client.registration_client_uri, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : undefined };
};

export const checks = {
  "it is offered": async (op) => assert.ok((await discover(op)).registration_endpoint),
  "an app that registered signs people in": async (op) => {
    const client = await registered(op, { grant_types: ["authorization_code"], response_types: ["code"] });
    assert.ok(client.client_id && client.client_secret && client.client_secret_expires_at === 0);
    const one = await party(op, client);
    const pkce = { code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256" };
    await one.tokens(op.browser(), pkce, { code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" });
  },
  "nobody registers without a token": async (op) => {
    const { status } = await register(op, { redirect_uris: [REDIRECT] }, null);
    assert.equal(status, 401);
  },
  "nobody registers with a wrong token": async (op) => {
    assert.equal((await register(op, { redirect_uris: [REDIRECT] }, "wrong")).status, 401);
  },
  "an address with a fragment is refused": async (op) => {
    const { status, body } = await register(op, { redirect_uris: [`${REDIRECT}#fragment`] });
    assert.equal(status, 400);
    assert.equal(body.error, "invalid_redirect_uri");
  },
  "metadata that makes no sense is refused": async (op) => {
    const { status, body } = await register(op, { redirect_uris: [REDIRECT], id_token_signed_response_alg: "HS9" });
    assert.equal(status, 400);
    assert.equal(body.error, "invalid_client_metadata");
  },
  "metadata that nobody knows is ignored": async (op) => {
    assert.ok((await registered(op, { some_thing: "else" })).client_id);
  },
  "what is registered can be read again": async (op) => {
    const client = await registered(op);
    const { status, body } = await manage(op, client, "GET");
    assert.equal(status, 200);
    assert.equal(body.client_id, client.client_id);
    assert.deepEqual(body.redirect_uris, [REDIRECT]);
  },
  "an app reads nothing of another": async (op) => {
    const [one, other] = [await registered(op), await registered(op)];
    const { status } = await manage(op, { ...one, registration_access_token: other.registration_access_token }, "GET");
    assert.ok([401, 403].includes(status));
  },
  "an app that is taken back is gone": async (op) => {
    const client = await registered(op);
    assert.equal((await manage(op, client, "DELETE")).status, 204);
    assert.ok([401, 404].includes((await manage(op, client, "GET")).status));
    const { page } = await op.browser().follow((await party(op, client)).request().url);
    assert.ok(page);
  },
  "ID tokens are signed as the app registered": async (op) => {
    const client = await registered(op, { id_token_signed_response_alg: "RS256" });
    assert.equal(client.id_token_signed_response_alg, "RS256");
    const one = await party(op, client);
    const pkce = { code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256" };
    const { id_token: token } = await one.tokens(op.browser(), pkce, { code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" });
    assert.equal(JSON.parse(Buffer.from(token.split(".")[0], "base64url")).alg, "RS256");
  },
};
