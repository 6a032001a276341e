// OpenID Connect Config OP: what the provider says of itself (OpenID Connect Discovery section 3, RFC 8414, RFC 7517).

import assert from "node:assert/strict";

import { discover } from "../party.mjs";

export const profile = "Config OP";

const REQUIRED = [
  "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported", "subject_types_supported",
  "id_token_signing_alg_values_supported", "userinfo_endpoint", "scopes_supported", "claims_supported",
];

export const checks = {
  "everything that is required is there": async (op) => {
    const metadata = await discover(op);
    for (const name of REQUIRED) assert.ok(metadata[name], name);
  },
  "the issuer is the one that was asked, letter by letter": async (op) => {
    assert.equal((await discover(op)).issuer, op.issuer);
  },
  "every address is an https URL without a fragment": async (op) => {
    if (!op.issuer.startsWith("https:")) return;
    const metadata = await discover(op);
    for (const [name, value] of Object.entries(metadata)) {
      if (!/_(endpoint|uri)$/.test(name)) continue;
      assert.ok(value.startsWith("https://") && !value.includes("#"), `${name}: ${value}`);
    }
  },
  "RS256 is among the algorithms of ID tokens, and none is not": async (op) => {
    const { id_token_signing_alg_values_supported: algorithms } = await discover(op);
    assert.ok(algorithms.includes("RS256") && !algorithms.includes("none"));
  },
  "the code flow and openid are offered": async (op) => {
    const { response_types_supported: types, scopes_supported: scopes } = await discover(op);
    assert.ok(types.includes("code") && scopes.includes("openid"));
  },
  "whether requests by reference are taken is said: left out it would mean yes": async (op) => {
    const { request_uri_parameter_supported: said } = await discover(op);
    assert.equal(typeof said, "boolean");
  },
  "the keys are public, named, and each once": async (op) => {
    const { jwks_uri: uri } = await discover(op);
    const { keys } = await (await op.send(uri, {})).json();
    assert.ok(keys.length > 0);
    const names = keys.map(({ kid }) => kid);
    assert.equal(new Set(names).size, names.length);
    for (const key of keys) {
      assert.ok(key.kid && key.kty);
      for (const secret of ["d", "p", "q", "dp", "dq", "qi", "k"]) assert.equal(key[secret], undefined, secret);
      if (key.kty === "RSA") assert.ok(Buffer.from(key.n, "base64url").length >= 256);
    }
  },
  "the document is JSON and may be read by any page": async (op) => {
    const answer = await op.send(`${op.issuer}/.well-known/openid-configuration`, { headers: { origin: "https://app.example.org" } });
    assert.match(answer.headers.get("content-type"), /^application\/json/);
    assert.ok(["*", "https://app.example.org"].includes(answer.headers.get("access-control-allow-origin")));
  },
};
