// People of a house and one of their apps, against a box wherever its port is: `claim NAME` or
// `move-in LINK APP SECRET CALLBACK`. It says on standard output how far it is, and ends with `done`.
//
// The browser's helpers are those of the program's own tests, and so are the npm packages.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import https from "node:https";
import net from "node:net";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

import { PHONE, Visitor, launch } from "../../appliance/tests/browser/visitor.mjs";

const { BOX_HOST: host, BOX_ADDRESS: address, BOX_PORT: port } = process.env;
const packages = createRequire(new URL("../../appliance/tests/package.json", import.meta.url));
const house = { origin: `https://${host}` };
// An emulated board is slow.
const PATIENCE = 60_000;

const say = (words) => process.stdout.write(`${words}\n`);
const heard = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const told = async (words) => assert.equal((await heard.next()).value, words);
const button = (page, name) => page.getByRole("button", { name });

async function arrive(browser) {
  const visitor = await Visitor.arrive(browser, house, PHONE);
  visitor.page.setDefaultTimeout(PATIENCE);
  await visitor.carryAuthenticator();
  return visitor;
}

// From a box without an owner to its dashboard; the card has said how everything is called.
async function claim(browser, name) {
  const visitor = await arrive(browser);
  const { page } = visitor;
  // The page claims as soon as it hears of the window, and the window closes with it: it hears nothing before the LED was seen.
  const seen = told("go on");
  await page.route("**/setup/state", async (route) => {
    await seen;
    await route.continue();
  });
  await visitor.goto("/");
  await page.getByText("Waiting for the button").waitFor();
  say("tap please");
  await visitor.heading("Who looks after it?");
  assert.equal(await page.getByLabel("Your name").inputValue(), name);
  await button(page, "Continue").click();
  await visitor.heading(`Hello ${name}, come in`);
  await button(page, "Create my passkey").click();
  await visitor.heading("Your recovery codes");
  await page.getByRole("link", { name: "I have kept them" }).click();
  await visitor.heading(`Hello, ${name}`);
  await visitor.leave();
}

// From a link to a passkey, and with it into an app, which gets tokens for who it is.
async function moveIn(browser, link, app, secret, callback) {
  const client = await import(pathToFileURL(packages.resolve("openid-client")));
  const visitor = await arrive(browser);
  const { page } = visitor;
  await visitor.moveIn(new URL(link).pathname);
  await visitor.signOut();

  const config = await client.discovery(new URL(house.origin), app, secret, undefined, { [client.customFetch]: send });
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const request = client.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: "openid profile",
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  // The app's own page, where the browser is sent back to.
  visitor.allowedOrigins.add(new URL(callback).origin);
  await visitor.context.route(`${callback}**`, (route) =>
    route.fulfill({ contentType: "text/html", body: "<!doctype html><link rel=icon href=data:,><h1>Back in the app</h1>" }),
  );
  await page.goto(request.href);
  // The passkey answers the page by itself, or the button asks for it.
  await visitor.heading("Let notes know you?");
  await button(page, "Allow").click();
  await visitor.heading("Back in the app");
  const tokens = await client.authorizationCodeGrant(config, new URL(page.url()), checks);
  const claims = tokens.claims();
  assert.equal(claims.iss, house.origin);
  assert.equal(claims.preferred_username, "jonas");
  assert.equal(claims.acr, "passkey");
  const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  assert.equal(info.name, "Jonas Holm");
  await visitor.leave();
}

// `fetch` to the box's name at the port where it is reached from here. The certificate is the box's own.
function send(url, { method = "GET", headers = {}, body } = {}) {
  const fields = headers instanceof Headers ? Object.fromEntries(headers) : headers;
  const text = body == null ? undefined : body.toString();
  if (text !== undefined) fields["content-length"] = Buffer.byteLength(text);
  return new Promise((resolve, reject) => {
    const to = {
      method,
      headers: fields,
      rejectUnauthorized: false,
      lookup: (_, options, found) => (options.all ? found(null, [{ address, family: net.isIP(address) }]) : found(null, address, net.isIP(address))),
      port,
    };
    const asked = https.request(url, { ...to, headers: { ...fields, host } }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve(new Response(Buffer.concat(parts), { status: answer.statusCode, headers: Object.entries(answer.headers).map(([name, value]) => [name, String(value)]) })));
    });
    asked.on("error", reject);
    asked.end(text);
  });
}

const [what, ...words] = process.argv.slice(2);
const browser = await launch({ names: [`MAP ${host}:443 ${address}:${port}`] });
try {
  await { claim, "move-in": moveIn }[what](browser, ...words);
  say("done");
} finally {
  await browser.close();
  process.stdin.destroy();
}
