// OpenID Connect Dynamic OP: apps that register themselves (OpenID Connect Dynamic Client Registration, RFC 7591, RFC 7592).

import assert from "node:assert/strict";

import { createServer } from "node:http";

import * as jose from "jose";

import { Party, REDIRECT, discover, random, refused } from "../party.mjs";

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

// What an app publishes, on a server of its own while `use` runs.
const publishing = async (documents, use) => {
  const server = createServer((request, answer) => {
    const document = documents(origin())[request.url];
    answer.writeHead(document ? 200 : 404, { "content-type": "application/json" }).end(JSON.stringify(document ?? {}));
  });
  const origin = () => `http://127.0.0.1:${server.address().port}`;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(origin());
  } finally {
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  }
};

// An app on this same computer, where addresses may be http.
const native = (origin) => ({ redirect_uris: [`${origin}/cb`], application_type: "native" });

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
  "an app signs with a key that it registered": async (op) => {
    const { publicKey, privateKey } = await jose.generateKeyPair("ES256");
    const jwks = { keys: [{ ...(await jose.exportJWK(publicKey)), kid: "one", alg: "ES256", use: "sig" }] };
    const client = await registered(op, { token_endpoint_auth_method: "private_key_jwt", jwks });
    assert.equal(client.token_endpoint_auth_method, "private_key_jwt");
    const one = await party(op, client);
    const assertion = (key) => new jose.SignJWT({}).setProtectedHeader({ alg: "ES256", kid: "one" }).setIssuer(client.client_id)
      .setSubject(client.client_id).setAudience(op.issuer).setJti(random()).setIssuedAt().setExpirationTime("1m").sign(key);
    const type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    const ask = async (key) => {
      const pkce = { code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256" };
      const { told } = await one.authorize(op.browser(), pkce);
      const proof = { client_id: client.client_id, client_assertion_type: type, client_assertion: await assertion(key) };
      return one.exchange(told, { code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", ...proof }, { basic: false });
    };
    refused(await ask((await jose.generateKeyPair("ES256")).privateKey), "invalid_client");
    assert.equal((await ask(privateKey)).status, 200);
  },
  "the addresses of policy and terms come back": async (op) => {
    const said = { policy_uri: "https://app.example.org/policy", tos_uri: "https://app.example.org/terms" };
    const client = await registered(op, said);
    assert.deepEqual({ policy_uri: client.policy_uri, tos_uri: client.tos_uri }, said);
  },
  "a sector that does not name the app's address is refused": async (op) => {
    const documents = () => ({ "/sector.json": ["https://else.example.org/cb"] });
    await publishing(documents, async (origin) => {
      const sector = { subject_type: "pairwise", sector_identifier_uri: `${origin}/sector.json` };
      const { status, body } = await register(op, { ...native(origin), token_endpoint_auth_method: "none", ...sector });
      assert.equal(status, 400, JSON.stringify(body));
      assert.ok(["invalid_client_metadata", "invalid_redirect_uri"].includes(body.error), body.error);
    });
  },
};
