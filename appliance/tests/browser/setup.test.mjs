// From a box without an owner to its dashboard, in a real browser at phone width; and whoever must not get there.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { House } from "./house.mjs";
import { DESKTOP, PHONE, Visitor, launch } from "./visitor.mjs";

const HOST = "id.house.test";

let house;
let browser;

beforeEach(async () => {
  house = await House.open({ unclaimed: true });
  browser = await launch({ names: [`MAP ${HOST} 127.0.0.1`] });
});

afterEach(async () => {
  await browser?.close();
  await house?.close();
});

// What a person does on the way, counted: a tap of a button or link, a field that has to be typed.
class Effort {
  taps = 0;
  fields = 0;

  async tap(what) {
    this.taps += 1;
    await what.click();
  }

  async type(field, text) {
    this.fields += 1;
    await field.fill(text);
  }
}

const button = (page, name) => page.getByRole("button", { name });

// From "the box lets this browser begin" to the dashboard.
async function setUp(visitor, effort) {
  const { page } = visitor;
  await visitor.heading("A name");
  await visitor.fits();
  await effort.tap(button(page, "Continue"));
  await visitor.heading("Who looks after it?");
  await page.getByText("is called localhost for good").waitFor();
  await visitor.fits();
  await effort.type(page.getByLabel("Your name"), "Mira Holm");
  await effort.tap(button(page, "Continue"));
  await moveIn(visitor, effort);
}

// From the owner's link to the dashboard.
async function moveIn(visitor, effort) {
  const { page } = visitor;
  await visitor.heading("Hello Mira Holm, come in");
  await visitor.fits();
  await effort.tap(button(page, "Create my passkey"));
  await visitor.heading("Your recovery codes");
  await page.getByText("This is your recovery kit").waitFor();
  await visitor.fits();
  await effort.tap(page.getByRole("link", { name: "I have kept them" }));
  await visitor.heading("Hello, Mira Holm");
}

test("from a box without an owner to its dashboard: fewer than 12 taps and fields", async (t) => {
  const visitor = await Visitor.arrive(browser, house, PHONE);
  await visitor.carryAuthenticator();
  const effort = new Effort();
  effort.fields += 1; // The address, typed or scanned.
  await visitor.goto("/");
  await visitor.heading("Set up this box");
  await visitor.page.getByText("Waiting for the button").waitFor();
  await visitor.fits();
  effort.taps += 1; // The button of the box.
  house.tap();
  await setUp(visitor, effort);
  const all = effort.taps + effort.fields;
  t.diagnostic(`${effort.taps} taps and ${effort.fields} fields from the box to a signed-in owner`);
  assert.ok(all < 12, `${all} taps and fields`);

  const status = JSON.parse(await house.latchkey("status"));
  assert.equal(status.persons, 1);
  const members = JSON.parse(await house.latchkey("group", "members", "owners"));
  assert.deepEqual(members.map(({ name }) => name), ["mira"]);
  await visitor.leave();
});

test("the code of the box does the same as its button, once", async () => {
  const { code } = JSON.parse(await house.latchkey("claim"));
  const visitor = await Visitor.arrive(browser, house, PHONE);
  visitor.expectedStatus.add(403);
  await visitor.carryAuthenticator();
  await visitor.goto("/setup");
  await visitor.page.getByText("The box has no button").click();
  await visitor.page.getByLabel("The code of the box").fill("AAAA-AAAA");
  await button(visitor.page, "Use this code").click();
  await visitor.page.getByRole("alert").getByText("not the code").waitFor();
  await visitor.page.getByLabel("The code of the box").fill(code.toLowerCase());
  await button(visitor.page, "Use this code").click();
  await visitor.heading("A name");

  const other = await Visitor.arrive(browser, house, DESKTOP);
  other.expectedStatus.add(403);
  await other.goto("/setup");
  await other.page.getByText("The box has no button").click();
  await other.page.getByLabel("The code of the box").fill(code);
  await button(other.page, "Use this code").click();
  await other.page.getByRole("alert").getByText("not the code").waitFor();
  await other.leave();
  await setUp(visitor, new Effort());
  await visitor.leave();
});

test("a second browser sees that somebody else began, and the button gives it the box", async () => {
  const first = await Visitor.arrive(browser, house, PHONE);
  await first.goto("/");
  await first.page.getByText("Waiting for the button").waitFor();
  house.tap();
  await first.heading("A name");

  const second = await Visitor.arrive(browser, house, DESKTOP);
  await second.carryAuthenticator();
  await second.goto("/");
  await second.page.getByText("Somebody else began").waitFor();
  await second.fits();
  house.tap();
  await setUp(second, new Effort());

  await first.goto("/setup/owner");
  await first.page.waitForURL(/\/signin/);
  await first.leave();
  await second.leave();
});

test("from an address over the box's own authority to its dashboard under the new name", async () => {
  await house.close();
  house = await House.box(null);
  const there = `https://${HOST}:${house.port}`;
  const visitor = await Visitor.arrive(browser, house, PHONE);
  visitor.allowedOrigins.add(there);
  await visitor.carryAuthenticator();
  const { page } = visitor;
  await visitor.goto("/");
  await page.getByText("Waiting for the button").waitFor();
  await house.latchkey("panel", "press", "tap");
  await visitor.heading("Two names");
  await visitor.fits();
  await page.getByLabel("What do you call your home?").fill("Holm");
  await page.getByLabel("Under which address").fill(HOST);
  await button(page, "Continue").click();
  await visitor.heading(`How shall phones trust ${HOST}?`);
  await visitor.fits();
  await button(page, "Let the box vouch for itself").click();
  await visitor.heading(`On to ${HOST}`);
  await visitor.fits();
  await button(page, `Check ${HOST}`).click();
  await page.getByText("It works").waitFor();
  await button(page, `Go on at ${HOST}`).click();
  await page.waitForURL(`${there}/setup/owner`);
  await page.getByText(`is called ${HOST} for good`).waitFor();
  await page.getByLabel("Your name").fill("Mira Holm");
  await button(page, "Continue").click();
  await moveIn(visitor, new Effort());
  const certificate = JSON.parse(await house.latchkey("cert", "status"));
  assert.equal(certificate.kind, "own-ca");
  assert.equal(certificate.host, HOST);
  await visitor.leave();
});

test("a card that says it all leaves the code and the passkey", async () => {
  await house.close();
  house = await House.box(null, {
    card: `host = "${HOST}"\nhouse = "Holm"\n[certificate]\nkind = "own-ca"\n[owner]\nname = "Mira Holm"\n`,
  });
  house.origin = `https://${HOST}:${house.port}`;
  const [code] = /[2-9A-Z]{4}-[2-9A-Z]{4}/.exec(await house.outcome());
  const visitor = await Visitor.arrive(browser, house, PHONE);
  await visitor.carryAuthenticator();
  const { page } = visitor;
  await visitor.goto("/");
  await page.getByText("The box has no button").click();
  await page.getByLabel("The code of the box").fill(code);
  await button(page, "Use this code").click();
  await visitor.heading("Who looks after it?");
  assert.equal(await page.getByLabel("Your name").inputValue(), "Mira Holm");
  await button(page, "Continue").click();
  await moveIn(visitor, new Effort());
  await visitor.leave();
});
