// Latchkey as the suite sees a provider: a house of its own, a person with a password, and apps by the command line.

import { readFile } from "node:fs/promises";
import path from "node:path";

import { House } from "../../browser/house.mjs";
import { Visitor, fetchTrusting } from "../../relying-party/visitor.mjs";
import { Agent, forms } from "../agent.mjs";

const PASSWORD = "otter lantern sixty moss";

// What a person does with the pages of the house.
const answer = (name) => (page) => {
  const all = forms(page);
  const door = all.find(({ action }) => action === "/signin/password");
  if (door) return { kind: "sign in", action: door.action, fields: { ...door.fields, username: name, password: PASSWORD } };
  const question = all.find(({ action }) => action === "/consent");
  if (question) return { kind: "consent", action: question.action, fields: { ...question.fields, answer: "allow" } };
  const leave = all.find(({ action }) => action?.startsWith("/logout"));
  if (leave) return { kind: "sign out", action: leave.action, fields: leave.fields };
  return undefined;
};

export async function open() {
  const house = await House.open();
  const { send, close } = fetchTrusting(await readFile(path.join(house.directory, "data/tls/self-made-localhost.crt")));
  // The person of the suite has a password and nothing else at hand.
  await house.latchkey("group", "set", "everyone", "--strength", "any");
  const visitor = new Visitor(house.origin, send);
  await visitor.moveIn(await house.newcomer("cora", "Cora Vogel"), "Cora Vogel");
  await house.latchkey("person", "set", "cora", "--mail", "cora@example.org");
  const set = await visitor.go("/account/password", { password: PASSWORD, repeat: PASSWORD });
  if (set.status !== 303) throw new Error(`${set.status}: ${await set.text()}`);
  let count = 0;
  return {
    name: "latchkey",
    issuer: house.origin,
    send,
    // An app that can keep a secret, with these addresses and whatever else.
    async app({ redirectUris = [], postLogoutRedirectUris = [], backchannelLogoutUri, options = [] } = {}) {
      const name = `app${(count += 1)}`;
      const words = ["app", "create", name, "--allow", "everyone", "--pkce", "false", ...options];
      for (const uri of redirectUris) words.push("--redirect-uri", uri);
      for (const uri of postLogoutRedirectUris) words.push("--post-logout-redirect-uri", uri);
      if (backchannelLogoutUri) words.push("--backchannel-logout-uri", backchannelLogoutUri);
      const { client_secret: secret } = JSON.parse(await house.latchkey(...words));
      return { client_id: name, client_secret: secret };
    },
    browser: () => new Agent(house.origin, send, answer("cora")),
    // Somebody who looks after the house ends every session of the person.
    signOutEverywhere: () => house.latchkey("session", "revoke", "cora", "--all"),
    async registrationToken() {
      const words = ["app", "registration-token", "create", "--allow", "everyone", "--uses", "20", "--expires", "1h"];
      return JSON.parse(await house.latchkey(...words)).token;
    },
    async close() {
      close();
      await house.close();
    },
  };
}
