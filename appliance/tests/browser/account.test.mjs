// My account, in a real browser: on a phone and on a desktop, light and dark, by mouse and by keyboard.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { deflateSync } from "node:zlib";
import { House } from "./house.mjs";
import { DESKTOP, PHONE, Visitor, digits, launch } from "./visitor.mjs";

const PAGES = ["/", "/account", "/account/sign-in", "/account/password", "/account/authenticator", "/account/devices",
  "/account/apps", "/account/ssh-keys", "/signout", "/reauthenticate"];

let house;
let browser;

before(async () => {
  house = await House.open();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await house?.close();
});

let newcomers = 0;

const arrive = async (viewport, more) => {
  const visitor = await Visitor.arrive(browser, house, viewport, more);
  visitor.authenticator = await visitor.carryAuthenticator();
  newcomers += 1;
  await visitor.moveIn(await house.newcomer(`guest${newcomers}`, `Guest ${newcomers}`));
  return visitor;
};

test("every page fits a phone and a desktop, and is easy to read in light and in dark", async () => {
  const visitor = await arrive(PHONE, { reducedMotion: "reduce" });
  for (const path of PAGES) {
    await visitor.goto(path);
    for (const viewport of [PHONE, DESKTOP]) {
      await visitor.page.setViewportSize(viewport);
      await visitor.fits();
    }
    for (const colorScheme of ["light", "dark"]) {
      await visitor.page.emulateMedia({ colorScheme });
      const pale = await visitor.page.evaluate(palePaint);
      assert.deepEqual(pale, [], `${path} in ${colorScheme}`);
    }
  }
  await visitor.leave();
});

// Text that is too close to its ground to be read easily (WCAG 2.2, 1.4.3), as far as plain grounds go.
function palePaint() {
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const words = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
    if (!words || element.closest(":disabled, .sr, svg") || !element.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${element.tagName}: ${words.slice(0, 30)}`);
  }
  return found;
}

test("a second passkey is added, named and removed", async () => {
  const visitor = await arrive(DESKTOP);
  const { page } = visitor;
  await page.goto(`${house.origin}/account/sign-in`);
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByRole("alert").getByText("This device has a passkey for you already").waitFor();

  await visitor.devtools.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId: visitor.authenticator });
  await visitor.carryAuthenticator();
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByRole("status").getByText("Your new passkey is ready").waitFor();

  const newest = page.locator("li.row", { has: page.locator("summary", { hasText: "Change" }) }).filter({ hasText: "Not used yet" }).last();
  await newest.locator("summary").click();
  await newest.getByLabel("Name").fill("Blue key");
  await newest.getByRole("button", { name: "Save the name" }).click();
  await page.getByRole("status").getByText("The passkey has its new name").waitFor();
  const named = page.locator("li.row", { hasText: "Blue key" });
  await named.locator("summary").click();
  await named.getByRole("button", { name: "Remove this passkey" }).click();
  await page.getByRole("status").getByText("The passkey is removed").waitFor();
  assert.equal(await page.getByText("Blue key").count(), 0);
  await visitor.leave();
});

test("a photo is made square and small in the browser, looked at, sent, and shown", async () => {
  const visitor = await arrive(PHONE);
  const { page } = visitor;
  await visitor.goto("/account");
  const send = page.getByRole("button", { name: "Use this photo" });
  assert.equal(await send.isDisabled(), true);
  await page.getByLabel("Choose a photo").setInputFiles({ name: "a.txt", mimeType: "image/png", buffer: Buffer.from("no picture") });
  await page.getByRole("alert").getByText("not a photo").waitFor();
  await page.getByLabel("Choose a photo").setInputFiles({ name: "a.png", mimeType: "image/png", buffer: png(900, 600) });
  await page.locator("canvas").waitFor();
  await visitor.fits();
  await send.click();
  await page.getByRole("status").getByText("Your new picture is in place").waitFor();
  const shown = page.locator("header img");
  assert.deepEqual(await shown.evaluate((image) => [image.complete, image.naturalWidth, image.naturalHeight]), [true, 256, 256]);
  await page.getByRole("button", { name: "Remove my picture" }).click();
  await page.getByRole("status").getByText("Your picture is removed").waitFor();
  assert.equal(await page.locator("header img").count(), 0);
  await visitor.leave();
});

// A picture of one colour.
function png(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, 120)]);
  const rows = Buffer.concat(Array.from({ length: height }, () => row));
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

test("recovery codes can be kept as a file and copied", async () => {
  const visitor = await arrive(DESKTOP, { permissions: ["clipboard-read", "clipboard-write"], acceptDownloads: true });
  const { page } = visitor;
  await visitor.goto("/account/sign-in");
  await page.locator("summary", { hasText: "New codes" }).click();
  await page.getByRole("button", { name: "Show me ten new codes" }).click();
  const codes = await page.locator("[data-code]").allTextContents();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save" }).click();
  const file = await readFile(await (await download).path(), "utf8");
  assert.deepEqual(file.trim().split("\n"), codes);
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), codes.join("\n"));
  await visitor.leave();
});

test("who it is can be proven again with the passkey, and with password and authenticator app", async () => {
  const visitor = await arrive(DESKTOP);
  const { page } = visitor;
  await visitor.goto("/reauthenticate?next=/account/devices");
  await visitor.heading("Just to be sure it is you");
  await page.getByRole("button", { name: "Continue with a passkey" }).click();
  await page.waitForURL(`${house.origin}/account/devices`);

  const password = "otter lantern sixty moss";
  await visitor.goto("/account/password");
  await page.getByLabel("New password").fill(password);
  await page.getByLabel("The same password again").fill(password);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("status").getByText("Your new password works").waitFor();
  await page.getByRole("link", { name: "Connect" }).click();
  const key = await visitor.totpKey();
  await page.getByLabel("Type the six digits").fill(digits(key));
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByRole("status").getByText("Your authenticator app is connected").waitFor();

  await visitor.goto("/reauthenticate?next=/account/apps");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await visitor.heading("One more step");
  // A code of the step before is taken too, but never the same one twice.
  await page.getByLabel("Six digits").fill(digits(key, 1));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(`${house.origin}/account/apps`);
  await visitor.leave();
});

test("the whole way in and through the account needs no mouse", async () => {
  const visitor = await arrive(DESKTOP);
  const { page } = visitor;
  await visitor.goto("/account/sign-in");
  const seen = [];
  for (let step = 0; step < 14; step += 1) {
    await page.keyboard.press("Tab");
    seen.push(await page.evaluate(() => {
      const at = document.activeElement;
      const ring = getComputedStyle(at);
      const box = at.getBoundingClientRect();
      return { name: at.textContent.trim(), ring: ring.outlineStyle !== "none" && parseFloat(ring.outlineWidth) >= 2, seen: box.width > 0 };
    }));
  }
  assert.equal(seen[0].name, "Skip to content");
  assert.deepEqual(seen.filter((each) => !each.ring || !each.seen), []);
  assert.ok(seen.some((each) => each.name === "Add a passkey"));
  await page.locator("summary", { hasText: "codes" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Show me ten new codes" }).focus();
  await page.keyboard.press("Enter");
  await visitor.heading("Your recovery codes");
  await visitor.leave();
});
