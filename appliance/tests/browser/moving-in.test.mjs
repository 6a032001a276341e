// From a link to the dashboard, and in again: the main job of the house, in a real browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { House } from "./house.mjs";
import { DESKTOP, PHONE, Visitor, digits, launch } from "./visitor.mjs";

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

test("a link on a phone leads over a passkey and recovery codes to the dashboard, and works once", async () => {
  const visitor = await Visitor.arrive(browser, house, PHONE);
  const authenticator = await visitor.carryAuthenticator();
  const link = house.links.get("jonas");
  const codes = await visitor.moveIn(house.links.get("jonas"));
  assert.equal(new Set(codes).size, 10);
  const [passkey] = await visitor.passkeys(authenticator);
  assert.equal(passkey.isResidentCredential, true);
  assert.equal(passkey.rpId, "localhost");
  await visitor.fits();

  visitor.expectedStatus.add(410);
  await visitor.goto(link);
  await visitor.heading("This link does not work");
  await visitor.leave();
});

test("a passkey signs in from the autofill of the name field and by the button, without typing a name", async () => {
  const visitor = await Visitor.arrive(browser, house, PHONE);
  await visitor.carryAuthenticator();
  await visitor.moveIn(house.links.get("lea"));
  await visitor.signOut();

  await visitor.page.getByRole("link", { name: "Sign in again" }).click();
  // The conditional request of the page is answered by the device as soon as somebody is present.
  await visitor.heading("Hello, Lea Holm");
  await visitor.signOut();

  await visitor.offerNothing();
  await visitor.goto("/signin");
  await visitor.page.getByLabel("Your name here").focus();
  await visitor.fits();
  await visitor.page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await visitor.heading("Hello, Lea Holm");
  await visitor.leave();
});

test("a refused screen lock lets nobody in, says so, and can be tried again", async () => {
  const visitor = await Visitor.arrive(browser, house, DESKTOP);
  const authenticator = await visitor.carryAuthenticator();
  await visitor.goto(await house.newcomer("ole", "Ole"));
  await visitor.verify(authenticator, false);
  await visitor.page.getByRole("button", { name: "Create my passkey" }).click();
  await visitor.page.getByRole("alert").getByText("Nothing happened").waitFor();
  assert.deepEqual(await visitor.passkeys(authenticator), []);
  await visitor.verify(authenticator, true);
  await visitor.page.getByRole("button", { name: "Create my passkey" }).click();
  await visitor.heading("Your recovery codes");
  await visitor.leave();
});

test("without a passkey: a password with an authenticator app, each wrong factor refused, and a recovery code", async () => {
  const link = await house.invite("jonas");
  const visitor = await Visitor.arrive(browser, house, DESKTOP);
  const { page } = visitor;
  const password = "otter lantern sixty moss";
  for (const status of [403, 422]) visitor.expectedStatus.add(status);

  await visitor.goto(link);
  await page.getByRole("link", { name: "This device has no passkeys" }).click();
  await visitor.heading("A password and an app");
  await page.getByLabel("New password").fill("password12");
  await page.getByLabel("The same password again").fill("password12");
  await page.getByLabel("Type the six digits").fill(digits(await visitor.totpKey()));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("alert").getByText("That was not possible").waitFor();

  const key = await visitor.totpKey();
  await page.getByLabel("New password").fill(password);
  await page.getByLabel("The same password again").fill(password);
  await page.getByLabel("Type the six digits").fill(digits(key));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("status").getByText("Welcome back").waitFor();
  await visitor.goto("/account/sign-in");
  await visitor.heading("My account");
  await page.locator("summary", { hasText: /codes/ }).click();
  await page.getByRole("button", { name: "Show me ten new codes" }).click();
  await visitor.heading("Your recovery codes");
  const [recovery] = await page.locator("[data-code]").allTextContents();
  await visitor.signOut();

  await visitor.goto("/signin");
  await page.getByLabel("Your name here").fill("jonas");
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").getByText("That did not work").waitFor();
  assert.equal(await page.getByLabel("Your name here").inputValue(), "jonas");
  assert.equal(await page.getByLabel("Password").inputValue(), "");

  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await visitor.heading("One more step");
  await page.getByLabel("Six digits").fill("000000");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("alert").getByText("That code did not work").waitFor();
  await page.getByText("Use a recovery code instead").click();
  await page.getByLabel("Recovery code").fill(recovery);
  await page.getByRole("button", { name: "Use this code" }).click();
  await visitor.heading(/^Hello/);
  await visitor.leave();
});

test("a recovery code in place of a lost phone leads to a new passkey, and works once", async () => {
  const lost = await Visitor.arrive(browser, house, PHONE);
  await lost.carryAuthenticator();
  const [code] = await lost.moveIn(await house.newcomer("nora", "Nora"));
  await lost.leave();

  const visitor = await Visitor.arrive(browser, house, PHONE);
  const { page } = visitor;
  visitor.expectedStatus.add(403);
  const authenticator = await visitor.carryAuthenticator({ autofill: false });
  await visitor.goto("/signin");
  await page.getByRole("link", { name: "I cannot sign in" }).click();
  await visitor.heading("I cannot sign in");
  await visitor.fits();
  await page.getByLabel("Your name here").fill("nora");
  await page.getByLabel("Recovery code").fill("0000-0000-0000-0000");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("alert").getByText("That did not work").waitFor();
  await page.getByLabel("Recovery code").fill(code);
  await page.getByRole("button", { name: "Continue" }).click();
  await visitor.heading("Welcome back, Nora");
  await visitor.bePresent(authenticator, true);
  await page.getByRole("button", { name: "Create my passkey" }).click();
  await page.waitForURL(house.origin + "/account/sign-in?said=back-again");
  await page.getByText("9 left").waitFor();
  await visitor.leave();
});

test("a name that nobody has is answered like a wrong password", async () => {
  const visitor = await Visitor.arrive(browser, house, PHONE);
  visitor.expectedStatus.add(403);
  const said = [];
  for (const name of ["mira", "nobody"]) {
    await visitor.goto("/signin");
    await visitor.page.getByLabel("Your name here").fill(name);
    await visitor.page.getByLabel("Password").fill("not the password");
    await visitor.page.getByRole("button", { name: "Sign in", exact: true }).click();
    const alert = visitor.page.getByRole("alert").filter({ visible: true });
    said.push(await alert.textContent());
  }
  assert.equal(said[0], said[1]);
  await visitor.leave();
});
