// What a relying party does, in the words of the checks: requests, exchanges, and reading what came back with the keys of the provider.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

import * as jose from "jose";

export const REDIRECT = "https://app.example.org/cb";
export const random = () => randomBytes(16).toString("base64url");

export class Party {
  static async of(op, settings = {}) {
    const party = new Party();
    const client = await op.app({ redirectUris: [REDIRECT], ...settings });
    Object.assign(party, { op, ...client, metadata: await discover(op) });
    return party;
  }

  // An authorization request of this app; `undefined` leaves a parameter out.
  request(more = {}) {
    const parameters = { client_id: this.client_id, redirect_uri: REDIRECT, response_type: "code", scope: "openid", state: random(), nonce: random(), ...more };
    const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined);
    return { parameters, url: `${this.metadata.authorization_endpoint}?${new URLSearchParams(pairs)}` };
  }

  // The browser goes there and comes back to the app with what it was told.
  async authorize(browser, more = {}, how = {}) {
    const { parameters, url } = this.request(more);
    const { left, posted, page, status } = await browser.follow(url, how);
    if (posted) return { told: posted.fields, parameters, posted };
    assert.ok(left, `the browser was not sent back to the app: ${status} ${page?.slice(0, 2000)}`);
    assert.ok(left.href.startsWith(parameters.redirect_uri), `it was sent to ${left}`);
    return { told: Object.fromEntries(left.searchParams), parameters };
  }

  async post(endpoint, fields, { basic = true, headers = {} } = {}) {
    const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
    const all = { "content-type": "application/x-www-form-urlencoded", accept: "application/json", ...headers };
    if (basic) all.authorization = `Basic ${Buffer.from(`${encodeURIComponent(this.client_id)}:${encodeURIComponent(this.client_secret)}`).toString("base64")}`;
    const answer = await this.op.send(endpoint, { method: "POST", headers: all, body: new URLSearchParams(pairs) });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text ? parsed(text) : undefined };
  }

  exchange(told, more = {}, how) {
    const fields = { grant_type: "authorization_code", code: told.code, redirect_uri: REDIRECT, ...more };
    return this.post(this.metadata.token_endpoint, fields, how);
  }

  // The whole way: tokens for whoever uses that browser, and the claims of the ID token, checked.
  async tokens(browser, more = {}, exchange = {}) {
    const { told, parameters } = await this.authorize(browser, more);
    assert.equal(told.state, parameters.state, "state comes back");
    const answer = await this.exchange(told, exchange);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const claims = await this.idToken(answer.body.id_token, parameters);
    return { ...answer.body, claims, told, parameters };
  }

  // OpenID Connect Core section 3.1.3.7.
  async idToken(token, { nonce } = {}) {
    const { payload, protectedHeader } = await jose.jwtVerify(token, await this.keys(), { issuer: this.op.issuer, audience: this.client_id });
    assert.ok(this.metadata.id_token_signing_alg_values_supported.includes(protectedHeader.alg));
    assert.equal(payload.nonce, nonce);
    assert.ok(payload.sub && payload.sub.length <= 255 && payload.iat && payload.exp > payload.iat);
    return payload;
  }

  async keys() {
    const answer = await this.op.send(this.metadata.jwks_uri, {});
    return jose.createLocalJWKSet(await answer.json());
  }

  async userinfo(token, { method = "GET", how = "header" } = {}) {
    const headers = { accept: "application/json" };
    if (how === "header") headers.authorization = `Bearer ${token}`;
    const body = how === "body" ? new URLSearchParams({ access_token: token }) : method === "POST" ? "" : undefined;
    if (body !== undefined) headers["content-type"] = "application/x-www-form-urlencoded";
    const answer = await this.op.send(this.metadata.userinfo_endpoint, { method, headers, body });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text ? parsed(text) : undefined };
  }
}

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

export async function discover(op) {
  const answer = await op.send(`${op.issuer}/.well-known/openid-configuration`, { headers: { accept: "application/json" } });
  assert.equal(answer.status, 200);
  return answer.json();
}

export const s256 = (verifier) => createHash("sha256").update(verifier).digest("base64url");

// The answer of the token endpoint to what it refuses (RFC 6749 section 5.2).
export function refused(answer, ...errors) {
  assert.ok([400, 401].includes(answer.status), `${answer.status} ${JSON.stringify(answer.body)}`);
  assert.ok(errors.includes(answer.body.error), JSON.stringify(answer.body));
}
