// An app on a television, and somebody with a phone who lets it in (RFC 8628).

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { House } from "./house.mjs";
import { DESKTOP, PHONE, Visitor, launch } from "./visitor.mjs";

const GRANT = "urn:ietf:params:oauth:grant-type:device_code";

let house;
let browser;

before(async () => {
  house = await House.open();
  browser = await launch();
  const more = ["--device", "true", "--allow", "everyone", "--policy-uri", "https://films.example/privacy"];
  await house.latchkey("app", "create", "films", "--public", "--display-name", "Film night", ...more);
});

after(async () => {
  await browser?.close();
  await house?.close();
});

// The television has no browser.
async function post(path, fields) {
  const form = Object.entries(fields).flatMap(([name, value]) => ["--data-urlencode", `${name}=${value}`]);
  const { stdout } = await promisify(execFile)("curl", ["--silent", "--insecure", ...form, house.origin + path]);
  return JSON.parse(stdout);
}

const ask = () => post("/device_authorization", { client_id: "films", scope: "openid profile offline_access" });

const poll = (codes) => post("/token", { grant_type: GRANT, client_id: "films", device_code: codes.device_code });

async function newcomer(name, viewport) {
  const visitor = await Visitor.arrive(browser, house, viewport);
  visitor.authenticator = await visitor.carryAuthenticator();
  await visitor.moveIn(await house.newcomer(name, `Guest ${name}`));
  return visitor;
}

// For whoever wants to look: SCREENSHOTS names a folder.
async function show(visitor, name) {
  await visitor.fits();
  if (!process.env.SCREENSHOTS) return;
  const { width } = visitor.page.viewportSize();
  await visitor.page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}-${width}.png`, fullPage: true });
}

for (const [name, viewport] of [["ida", PHONE], ["ole", DESKTOP]]) {
  test(`somebody types the code that the television shows, on ${viewport.width} pixels`, async () => {
    const visitor = await newcomer(name, viewport);
    const { page } = visitor;
    const codes = await ask();
    visitor.expectedStatus.add(403);
    await visitor.goto("/device");
    await visitor.heading("Sign in on another device");
    await show(visitor, "type");
    await page.getByLabel("Code").fill("2222 2222");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("alert").getByText("No device waits with this code").waitFor();
    await show(visitor, "wrong");
    await page.getByLabel("Code").fill(codes.user_code.toLowerCase().replace("-", " "));
    await page.keyboard.press("Enter");
    await visitor.heading("Let Film night in on another device?");
    await page.getByText(codes.user_code, { exact: true }).waitFor();
    await page.getByText("Is that device in front of you?").waitFor();
    const policy = page.getByRole("link", { name: "about your data" });
    assert.equal(await policy.getAttribute("href"), "https://films.example/privacy");
    await show(visitor, "question");
    await page.getByRole("button", { name: "Allow" }).click();
    await visitor.heading("Film night may come in");
    await show(visitor, "allowed");
    const tokens = await poll(codes);
    assert.ok(tokens.id_token && tokens.refresh_token, JSON.stringify(tokens));
    await visitor.leave();
  });
}

test("whoever scans the picture signs in first, is asked all the same, and may say no", async () => {
  const visitor = await newcomer("una", PHONE);
  const { page } = visitor;
  await visitor.signOut();
  const codes = await ask();
  await visitor.offerNothing();
  await visitor.goto(codes.verification_uri_complete.slice(house.origin.length));
  await visitor.heading("Welcome home");
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await visitor.heading("Let Film night in on another device?");
  await page.getByRole("button", { name: "No, thanks" }).click();
  await visitor.heading("That device stays out");
  await show(visitor, "refused");
  assert.equal((await poll(codes)).error, "access_denied");
  await visitor.leave();
});
