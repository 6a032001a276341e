// OpenID Connect RP-Initiated Logout OP 1.0.

import assert from "node:assert/strict";

import { Party, random } from "../party.mjs";

export const profile = "RP-Initiated Logout OP";
const BYE = "https://app.example.org/bye";

// A person who signed in at an app, and how the app asks for the sign-out.
const there = async (op) => {
  const party = await Party.of(op, { postLogoutRedirectUris: [BYE] });
  const browser = op.browser();
  const { id_token: hint } = await party.tokens(browser);
  const leave = (more = {}, how) => {
    const parameters = { id_token_hint: hint, post_logout_redirect_uri: BYE, state: random(), ...more };
    const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined);
    return { parameters, done: () => browser.follow(`${party.metadata.end_session_endpoint}?${new URLSearchParams(pairs)}`, how) };
  };
  const isIn = async () => (await party.authorize(browser, { prompt: "none" })).told.code !== undefined;
  return { party, browser, hint, leave, isIn };
};

export const checks = {
  "it is offered": async (op) => {
    assert.ok((await Party.of(op)).metadata.end_session_endpoint);
  },
  "the person is signed out and comes back to the app with its state": async (op) => {
    const { leave, isIn } = await there(op);
    assert.ok(await isIn());
    const { parameters, done } = leave();
    const { left } = await done();
    assert.equal(left.origin + left.pathname, BYE);
    assert.equal(left.searchParams.get("state"), parameters.state);
    assert.ok(!(await isIn()));
  },
  "without a state none comes back": async (op) => {
    const { leave, isIn } = await there(op);
    const { left } = await leave({ state: undefined }).done();
    assert.equal(left.href, BYE);
    assert.ok(!(await isIn()));
  },
  "it may be asked for by POST": async (op) => {
    const { party, browser, hint, isIn } = await there(op);
    const fields = { id_token_hint: hint, post_logout_redirect_uri: BYE, state: "s" };
    const { left } = await browser.follow(party.metadata.end_session_endpoint, { fields });
    assert.equal(left.searchParams.get("state"), "s");
    assert.ok(!(await isIn()));
  },
  "an address that is not registered is never gone to": async (op) => {
    const { leave } = await there(op);
    const { left, page } = await leave({ post_logout_redirect_uri: "https://elsewhere.example.org/" }).done();
    assert.ok(page && !left);
  },
  "an address with one more parameter is another address": async (op) => {
    const { leave } = await there(op);
    assert.ok(!(await leave({ post_logout_redirect_uri: `${BYE}?more=1` }).done()).left);
  },
  "without an address the person ends on a page of the provider": async (op) => {
    const { leave, isIn } = await there(op);
    const { page, left } = await leave({ post_logout_redirect_uri: undefined }).done();
    assert.ok(page && !left);
    assert.ok(!(await isIn()));
  },
  "without a hint the person is asked first": async (op) => {
    const { leave, isIn } = await there(op);
    const { kind } = await leave({ id_token_hint: undefined, post_logout_redirect_uri: undefined }, { stop: "sign out" }).done();
    assert.equal(kind, "sign out");
    assert.ok(await isIn(), "nobody said yes yet");
  },
  "a hint that was tampered with signs nobody out by itself": async (op) => {
    const { leave, isIn, hint } = await there(op);
    const [head, body, seal] = hint.split(".");
    const bad = `${head}.${body}.${seal.startsWith("A") ? "B" : "A"}${seal.slice(1)}`;
    const { left } = await leave({ id_token_hint: bad }, { stop: "sign out" }).done();
    assert.ok(!left);
    assert.ok(await isIn());
  },
  "with no parameter at all the person is asked, and ends on a page of the provider": async (op) => {
    const { party, browser, isIn } = await there(op);
    const { page, left } = await browser.follow(party.metadata.end_session_endpoint);
    assert.ok(page && !left);
    assert.ok(!(await isIn()));
  },
};
