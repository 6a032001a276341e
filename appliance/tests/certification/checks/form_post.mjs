// OpenID Connect Form Post OP (OAuth 2.0 Form Post Response Mode): the answer is a form that the browser posts to the app.

import assert from "node:assert/strict";

import { Party, REDIRECT } from "../party.mjs";

export const profile = "Form Post OP";

export const checks = {
  "it is offered": async (op) => {
    assert.ok((await Party.of(op)).metadata.response_modes_supported.includes("form_post"));
  },
  "a code comes by form_post and becomes tokens": async (op) => {
    const party = await Party.of(op);
    const { told, parameters, posted } = await party.authorize(op.browser(), { response_mode: "form_post" });
    assert.equal(posted.action, REDIRECT);
    assert.equal(posted.method, "post");
    assert.equal(told.state, parameters.state);
    assert.equal((await party.exchange(told)).status, 200);
  },
  "an error comes by form_post too": async (op) => {
    const party = await Party.of(op);
    const { told, posted } = await party.authorize(op.browser(), { response_mode: "form_post", prompt: "none" });
    assert.equal(posted.action, REDIRECT);
    assert.ok(["login_required", "interaction_required"].includes(told.error));
  },
  "what the app sent is not a way to write into the page": async (op) => {
    const party = await Party.of(op);
    const state = `"><script>alert(1)</script>&amp;`;
    const { url } = party.request({ response_mode: "form_post", state, prompt: "none" });
    const { posted, page } = await op.browser().follow(url);
    assert.equal(posted.fields.state, state);
    assert.ok(!page.includes("<script>alert"));
  },
  "the answer does not stand in an address": async (op) => {
    const party = await Party.of(op);
    const { left } = await op.browser().follow(party.request({ response_mode: "form_post" }).url);
    assert.equal(left, undefined);
  },
};
