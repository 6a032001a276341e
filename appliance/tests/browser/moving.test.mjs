// A house moves to another host name: an old passkey signs in on the page of the new name, and its person makes a new one.
// The browser itself asks the old name where else its passkeys may be used (WebAuthn Level 3, section 5.11), on port 443.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { House } from "./house.mjs";
import { PHONE, Visitor, launch } from "./visitor.mjs";

const OLD = "id.old-house.example";
const NEW = "id.new-house.example";

let house;
let browser;

before(async () => {
  house = await House.named(OLD, "olga");
  const names = [OLD, NEW].map((name) => `MAP ${name}:443 127.0.0.1:${house.port}`);
  browser = await launch({ names, careless: true });
});

after(async () => {
  await browser?.close();
  await house?.close();
});

test("a passkey from before the move opens the house under its new name, and a new one takes its place", async () => {
  const visitor = await Visitor.arrive(browser, house, PHONE);
  const { page } = visitor;
  const authenticator = await visitor.carryAuthenticator({ autofill: false });
  const invite = await house.newcomer("anna", "Anna Bauer");
  await visitor.bePresent(authenticator, true);
  await visitor.moveIn(invite);
  await visitor.bePresent(authenticator, false);

  await house.latchkey("domain", "move", NEW, "--yes");
  visitor.allowedOrigins.add(`https://${NEW}`);
  await visitor.goto("/account");
  assert.equal(new URL(page.url()).host, NEW, "pages of the old name lead to the new one");
  await visitor.fits();
  await visitor.bePresent(authenticator, true);
  await page.getByRole("button", { name: "My passkey is from before the move" }).click();
  await visitor.heading("One passkey more");
  await visitor.fits();
  await page.getByRole("button", { name: "Make a new passkey" }).click();
  await visitor.heading("That was all");
  await visitor.fits();
  const names = (await visitor.passkeys(authenticator)).map((passkey) => passkey.rpId).sort();
  assert.deepEqual(names, [NEW, OLD]);
  const { must_enrol: behind } = JSON.parse(await house.latchkey("domain", "status"));
  assert.deepEqual(behind, []);
  await page.getByRole("link", { name: "Go on" }).click();
  await visitor.heading(/account|Anna|Profile/i);
  await visitor.leave();
});
