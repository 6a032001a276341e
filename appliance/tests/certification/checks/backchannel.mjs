// OpenID Connect Back-Channel Logout OP 1.0: the provider tells the app by itself that somebody signed out.

import assert from "node:assert/strict";
import { createServer } from "node:http";

import * as jose from "jose";

import { Party } from "../party.mjs";

export const profile = "Back-Channel Logout OP";
const BYE = "https://app.example.org/bye";
const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const WITHIN = 30_000;

// An app that listens on this computer for what it is told.
const listening = async () => {
  const heard = [];
  const waiting = [];
  const server = createServer((request, answer) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const fields = new URLSearchParams(Buffer.concat(parts).toString());
      const news = { method: request.method, type: request.headers["content-type"], fields };
      heard.push(news);
      answer.writeHead(200, { "cache-control": "no-store" }).end();
      waiting.shift()?.(news);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const uri = `http://127.0.0.1:${server.address().port}/backchannel`;
  const next = () => heard.length > 0 ? Promise.resolve(heard.shift()) : new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("the app was told nothing")), WITHIN);
    waiting.push((news) => {
      clearTimeout(late);
      heard.shift();
      resolve(news);
    });
  });
  return { uri, next, close: () => server.close() };
};

const there = async (op, use) => {
  const app = await listening();
  try {
    const party = await Party.of(op, { backchannelLogoutUri: app.uri, postLogoutRedirectUris: [BYE] });
    const browser = op.browser();
    const tokens = await party.tokens(browser);
    const leave = () => {
      const pairs = { id_token_hint: tokens.id_token, post_logout_redirect_uri: BYE };
      return browser.follow(`${party.metadata.end_session_endpoint}?${new URLSearchParams(pairs)}`);
    };
    await use({ app, party, browser, tokens, leave });
  } finally {
    app.close();
  }
};

const read = async (party, { fields }) =>
  jose.jwtVerify(fields.get("logout_token"), await party.keys(), { issuer: party.op.issuer, audience: party.client_id });

export const checks = {
  "it is offered, with sid": async (op) => {
    const { metadata } = await Party.of(op);
    assert.equal(metadata.backchannel_logout_supported, true);
    assert.equal(metadata.backchannel_logout_session_supported, true);
  },
  "ID tokens name the session": (op) => there(op, async ({ tokens }) => assert.ok(tokens.claims.sid)),
  "the app is told by a form with a logout token": (op) => there(op, async ({ app, leave }) => {
    await leave();
    const { method, type, fields } = await app.next();
    assert.equal(method, "POST");
    assert.match(type, /^application\/x-www-form-urlencoded/);
    assert.ok(fields.get("logout_token"));
  }),
  "the logout token says who and which session, is signed, and is no ID token": (op) => there(op, async ({ app, party, tokens, leave }) => {
    await leave();
    const { payload, protectedHeader } = await read(party, await app.next());
    assert.equal(payload.sub, tokens.claims.sub);
    assert.equal(payload.sid, tokens.claims.sid);
    assert.deepEqual(payload.events, { [EVENT]: {} });
    assert.ok(payload.jti && payload.iat && payload.exp);
    assert.equal(payload.nonce, undefined);
    assert.notEqual(protectedHeader.alg, "none");
    assert.ok([undefined, "logout+jwt"].includes(protectedHeader.typ));
  }),
  "access tokens of the session are over when the app is told": (op) => there(op, async ({ app, party, tokens, leave }) => {
    await leave();
    await app.next();
    assert.equal((await party.userinfo(tokens.access_token)).status, 401);
  }),
  "whoever looks after the house ends sessions, and the app is told": (op) => there(op, async ({ app, party, tokens }) => {
    if (!op.signOutEverywhere) return;
    await op.signOutEverywhere();
    const { payload } = await read(party, await app.next());
    assert.equal(payload.sub, tokens.claims.sub);
  }),
};
