// An app sends somebody to the house, in a real browser: sign in, allow, and back to the app with a code.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { House } from "./house.mjs";
import { DESKTOP, PHONE, Visitor, digits, launch } from "./visitor.mjs";

let house;
let browser;
let app;

before(async () => {
  house = await House.open();
  browser = await launch();
  app = createServer((_, reply) => {
    reply.setHeader("content-type", "text/html; charset=utf-8");
    reply.end("<!doctype html><title>Album</title><link rel=icon href=data:,><h1>Back in the album</h1>");
  });
  await new Promise((resolve) => app.listen(0, "127.0.0.1", resolve));
  app.origin = `http://127.0.0.1:${app.address().port}`;
  const callback = `${app.origin}/callback`;
  await house.latchkey("app", "create", "album", "--public", "--display-name", "Album", "--redirect-uri", callback, "--allow", "everyone");
  await house.latchkey("app", "create", "vault", "--public", "--display-name", "Vault", "--redirect-uri", callback, "--allow", "parents");
});

after(async () => {
  app?.close();
  await browser?.close();
  await house?.close();
});

function request(client, more = {}) {
  const verifier = randomBytes(32).toString("base64url");
  return `/authorize?${new URLSearchParams({
    client_id: client,
    response_type: "code",
    redirect_uri: `${app.origin}/callback`,
    scope: "openid profile email",
    state: "st4te",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    ...more,
  })}`;
}

async function newcomer(name, viewport) {
  const visitor = await Visitor.arrive(browser, house, viewport);
  visitor.allowedOrigins.add(app.origin);
  visitor.authenticator = await visitor.carryAuthenticator();
  await visitor.moveIn(await house.newcomer(name, `Guest ${name}`));
  return visitor;
}

const answerOf = (visitor) => new URL(visitor.page.url()).searchParams;

test("from the app over the passkey and one question back to the app, and without a question the next time", async () => {
  const visitor = await newcomer("ida", PHONE);
  const { page } = visitor;
  await visitor.signOut();
  await visitor.offerNothing();
  await visitor.goto(request("album"));
  await visitor.heading("Sign in to continue to Album");
  await visitor.fits();
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await visitor.heading("Let Album know you?");
  await visitor.fits();
  await page.getByText("Your mail address").waitFor();
  await page.getByRole("button", { name: "Allow" }).click();
  await visitor.heading("Back in the album");
  assert.equal(answerOf(visitor).get("state"), "st4te");
  assert.equal(answerOf(visitor).get("iss"), house.origin);
  assert.ok(answerOf(visitor).get("code"));

  await visitor.goto(request("album"));
  await visitor.heading("Back in the album");

  await visitor.goto("/account/apps");
  await page.locator("summary", { hasText: "Details" }).click();
  await page.getByRole("button", { name: "Take it back" }).click();
  await page.getByRole("status").getByText("The app will ask you again").waitFor();
  await visitor.goto(request("album"));
  await visitor.heading("Let Album know you?");
  await visitor.leave();
});

test("a no is a no: the app is told, and nothing is remembered", async () => {
  const visitor = await newcomer("ole", DESKTOP);
  const { page } = visitor;
  await visitor.goto(request("album"));
  await page.getByRole("button", { name: "No, thanks" }).click();
  await visitor.heading("Back in the album");
  assert.equal(answerOf(visitor).get("error"), "access_denied");
  await visitor.goto("/account/apps");
  await page.getByText("No app has asked you yet").waitFor();
  await visitor.leave();
});

test("with password and authenticator app the way leads back to the app as well", async () => {
  const visitor = await newcomer("per", DESKTOP);
  const { page } = visitor;
  const password = "otter lantern sixty moss";
  await visitor.goto("/account/password");
  await page.getByLabel("New password").fill(password);
  await page.getByLabel("The same password again").fill(password);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("link", { name: "Connect" }).click();
  const key = await visitor.totpKey();
  await page.getByLabel("Type the six digits").fill(digits(key));
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByRole("status").getByText("connected").waitFor();
  await visitor.signOut();
  await visitor.bePresent(visitor.authenticator, false);

  await visitor.goto(request("album", { login_hint: "per" }));
  assert.equal(await page.getByLabel("Your name here").inputValue(), "per");
  visitor.expectedStatus.add(403);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await visitor.heading("Sign in to continue to Album");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await visitor.heading("One more step");
  await page.getByLabel("Six digits").fill(digits(key, 1));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Allow" }).click();
  await visitor.heading("Back in the album");
  assert.ok(answerOf(visitor).get("code"));
  await visitor.leave();
});

test("an app that wants to see it again gets it, and then goes on", async () => {
  const visitor = await newcomer("una", PHONE);
  const { page } = visitor;
  await visitor.goto(request("album", { prompt: "login" }));
  await visitor.heading("Just to be sure it is you");
  await page.getByText("Album asks you to show once more").waitFor();
  await page.getByRole("button", { name: "Continue with a passkey" }).click();
  await visitor.heading("Let Album know you?");
  await visitor.leave();
});

test("an app that is not for this person, or asks for the wrong address, lets nobody go astray", async () => {
  const visitor = await newcomer("kai", PHONE);
  visitor.expectedStatus.add(400);
  await visitor.goto(request("vault"));
  await visitor.heading("Back in the album");
  assert.equal(answerOf(visitor).get("error"), "access_denied");
  await visitor.goto(request("album", { redirect_uri: "https://evil.example/callback" }));
  await visitor.heading("The app is not set up right");
  await visitor.goto(request("nobody-knows"));
  await visitor.heading("The app is not set up right");
  await visitor.leave();
});
