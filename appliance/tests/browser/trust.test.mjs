// Port 80 in a real browser: the steps for each device, and the check that says whether this browser trusts the house.
// LATCHKEY_SHOTS=<folder> also keeps a picture of every page, for looking at.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { House } from "./house.mjs";
import { DESKTOP, PHONE, Visitor, launch } from "./visitor.mjs";

const HOST = "id.house.test";
const HERE = [`MAP ${HOST} 127.0.0.1`, "MAP latchkey.local 127.0.0.1"];

const DEVICES = {
  iphone: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
  android: "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
  windows: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  firefox: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
};

let house;
let fresh;
let browser;

before(async () => {
  house = await House.box(HOST);
  await house.claim("anna");
  fresh = await House.box(HOST);
  browser = await launch({ names: HERE });
});

after(async () => {
  await browser?.close();
  await house?.close();
  await fresh?.close();
});

async function shot(page, name) {
  if (process.env.LATCHKEY_SHOTS) {
    await page.screenshot({ path: path.join(process.env.LATCHKEY_SHOTS, `${name}.png`), fullPage: true });
  }
}

async function arrive(viewport, userAgent) {
  const visitor = await Visitor.arrive(browser, house, viewport, userAgent ? { userAgent } : {});
  visitor.allowedOrigins.add(house.plain).add(fresh.plain);
  return visitor;
}

for (const [size, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
  for (const [device, userAgent] of Object.entries(DEVICES)) {
    test(`the steps for ${device} come first and fit on a ${size}`, async () => {
      const visitor = await arrive(viewport, userAgent);
      await visitor.page.goto(house.plain);
      await visitor.heading("Let this device trust your house");
      assert.equal(await visitor.page.locator("nav [aria-current]").getAttribute("href"), `/trust?for=${device}#steps`);
      assert.ok((await visitor.page.locator("svg.shot").count()) > 0);
      await visitor.fits();
      await shot(visitor.page, `${device}-${size}`);
      await visitor.page.getByRole("link", { name: "Mac" }).click();
      await visitor.page.getByText("Always Trust").first().waitFor();
      await visitor.fits();
      await visitor.leave();
    });
  }

  test(`a new box says why the browser is about to warn, on a ${size}`, async () => {
    const visitor = await arrive(viewport);
    await visitor.page.goto(`http://latchkey.local:${fresh.plainPort}/`);
    visitor.allowedOrigins.add(`http://latchkey.local:${fresh.plainPort}`);
    await visitor.heading("Your new Latchkey is ready");
    await visitor.fits();
    await shot(visitor.page, `arrival-${size}`);
    await visitor.context.close();
  });
}

// A browser that heeds certificates, and what it says of the house.
async function verdict(options, address) {
  const own = await launch(options);
  try {
    const page = await own.newPage();
    await page.goto(address);
    await page.getByRole("button", { name: `Check ${HOST}` }).click();
    const part = page.locator("[data-reach][data-verdict]");
    await part.waitFor();
    await shot(page, `check-${await part.getAttribute("data-verdict")}`);
    return { verdict: await part.getAttribute("data-verdict"), words: await part.innerText() };
  } finally {
    await own.close();
  }
}

test("the check says not yet before the authority is trusted, and that it works after", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "latchkey-browser-home-"));
  try {
    const before = await verdict({ names: HERE, home }, `${house.plain}/trust`);
    assert.equal(before.verdict, "untrusted");
    assert.match(before.words, /Not trusted yet/);

    const authority = path.join(home, "latchkey.crt");
    const handedOut = await fetch(`http://127.0.0.1:${house.plainPort}/trust/latchkey.crt`);
    await writeFile(authority, Buffer.from(await handedOut.arrayBuffer()));
    const store = path.join(home, ".pki", "nssdb");
    await mkdir(store, { recursive: true });
    const certutil = (...words) => promisify(execFile)("certutil", ["-d", `sql:${store}`, ...words]);
    await certutil("-N", "--empty-password").catch(() => {});
    await certutil("-A", "-t", "C,,", "-n", "latchkey", "-i", authority);

    const after = await verdict({ names: HERE, home }, `${house.plain}/trust`);
    assert.equal(after.verdict, "trusted");
    assert.match(after.words, /It works/);
    const inside = await verdict({ names: HERE, home }, `${house.origin}/trust`);
    assert.equal(inside.verdict, "trusted");
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});

test("where the name leads nowhere, the page says what the box sees and where routers keep the exception", async () => {
  const names = [`MAP ${HOST} ~NOTFOUND`];
  const { verdict: is, words } = await verdict({ names }, `http://127.0.0.1:${house.plainPort}/trust`);
  assert.equal(is, "unreachable");
  assert.match(words, /cannot be reached/);
  assert.match(words, /rebind/);
  assert.match(words, /FRITZ!Box/);
});

test("where another machine answers to the name, it is not taken for the house", async () => {
  const names = [`MAP ${HOST}:${house.port} 127.0.0.1:${fresh.port}`, `MAP ${HOST}:${house.plainPort} 127.0.0.1:${fresh.plainPort}`];
  const { verdict: is } = await verdict({ names }, `http://127.0.0.1:${house.plainPort}/trust`);
  assert.notEqual(is, "trusted");
  assert.notEqual(is, "untrusted");
});
