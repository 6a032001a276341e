// `latchkey app try`: an admin signs in the way an app would send people, in a real browser, and reads what came of it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { House } from "./house.mjs";
import { DESKTOP, Visitor, launch } from "./visitor.mjs";

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

// The command while it waits for the browser.
function attempt(app) {
  const child = spawn(house.binary, ["--socket", house.socket, "app", "try", app], { stdio: ["ignore", "pipe", "pipe"] });
  const attempt = { out: "", err: "" };
  child.stdout.on("data", (chunk) => { attempt.out += chunk; });
  attempt.link = new Promise((resolve, reject) => {
    child.stderr.on("data", (chunk) => {
      attempt.err += chunk;
      const [, link] = /^ {2}(https:\S+)\n/m.exec(attempt.err) ?? [];
      if (link) resolve(link);
    });
    child.once("exit", () => reject(new Error(attempt.err)));
  });
  attempt.ended = new Promise((resolve) => child.once("close", resolve));
  return attempt;
}

const visit = async (attempt) => {
  const visitor = await Visitor.arrive(browser, house, DESKTOP);
  const link = new URL(await attempt.link);
  // The last step leads to the command that waits on this machine.
  visitor.allowedOrigins.add(new URL(link.searchParams.get("redirect_uri")).origin);
  return [visitor, link];
};

test("a trial goes through sign-in and consent, and shows the claims with their rules", async () => {
  const trial = attempt("photos");
  const [visitor, link] = await visit(trial);
  await visitor.carryAuthenticator();
  await visitor.moveIn(house.links.get("lea"));
  await visitor.page.goto(link.href);
  await visitor.page.getByRole("button", { name: /allow/i }).click();
  await visitor.page.getByText("Go back to the terminal").waitFor();
  assert.equal(await trial.ended, 0, trial.err);
  assert.match(trial.out, /^lea can sign in/);
  assert.match(trial.out, /immich_role\s+user\s+both\s+rule of the app \(first of group children\)/);
  await visitor.leave();
});

test("a trial of somebody whom the app does not want says why, in the terminal", async () => {
  const trial = attempt("letters");
  const [visitor, link] = await visit(trial);
  await visitor.carryAuthenticator();
  await visitor.moveIn(await house.newcomer("nils", "Nils"));
  await visitor.page.goto(link.href);
  await visitor.page.getByText("Go back to the terminal").waitFor();
  assert.equal(await trial.ended, 1);
  assert.equal(trial.out, "");
  assert.match(trial.err, /the sign-in was refused: .+\n {2}the app was told: access_denied/);
  await visitor.leave();
});
