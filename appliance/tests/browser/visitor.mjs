// Somebody with a browser. Whatever a page must never do is noticed here for every test: a request that leaves the
// house, an error on the console, a violation of the content security policy.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { chromium } from "playwright-core";

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

const QUIET = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-domain-reliability",
  "--disable-sync",
  "--no-first-run",
  "--no-pings",
];

// `names` says where names lead that no DNS server knows; `home` is where the browser finds what its owner trusts.
// `careless`: requests of the browser itself, and not of a page, take any certificate too.
export const launch = ({ names = [], home, careless = false } = {}) => {
  const more = careless ? ["--ignore-certificate-errors"] : [];
  const rules = names.length > 0 ? [`--host-resolver-rules=${names.join(",")}`] : [];
  const env = home ? { ...process.env, HOME: home } : process.env;
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...QUIET, ...rules, ...more], env });
};

export class Visitor {
  static async arrive(browser, house, viewport = PHONE, more = {}) {
    const visitor = new Visitor();
    visitor.house = house;
    visitor.context = await browser.newContext({ viewport, ignoreHTTPSErrors: true, ...more });
    visitor.trouble = [];
    visitor.allowedOrigins = new Set([house.origin]);
    visitor.expectedStatus = new Set();
    await visitor.context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    visitor.context.on("request", (request) => {
      const { origin } = new URL(request.url());
      if (!visitor.allowedOrigins.has(origin)) visitor.trouble.push(`a request left the house: ${request.url()}`);
    });
    visitor.page = await visitor.context.newPage();
    visitor.page.on("pageerror", (error) => visitor.trouble.push(`script error: ${error.message}`));
    visitor.page.on("console", (message) => {
      if (message.type() !== "error") return;
      const status = /status of (\d+)/.exec(message.text());
      if (status && visitor.expectedStatus.has(Number(status[1]))) return;
      visitor.trouble.push(`console: ${message.text()} (${message.location().url})`);
    });
    visitor.devtools = await visitor.context.newCDPSession(visitor.page);
    await visitor.devtools.send("WebAuthn.enable", { enableUI: false });
    return visitor;
  }

  // A phone or a laptop with a screen lock that holds passkeys.
  async carryAuthenticator({ verified = true, autofill = true } = {}) {
    const { authenticatorId } = await this.devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        ctap2Version: "ctap2_1",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: verified,
        automaticPresenceSimulation: autofill,
      },
    });
    return authenticatorId;
  }

  // Whether somebody touches the device when it asks.
  bePresent(authenticatorId, enabled) {
    return this.devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });
  }

  // From the next page on, a sign-in page offers nothing by itself: the passkey is asked for by its button alone.
  offerNothing() {
    return this.page.addInitScript(() => {
      PublicKeyCredential.isConditionalMediationAvailable = async () => false;
    });
  }

  // Whether the face, the finger or the PIN is the right one.
  verify(authenticatorId, isUserVerified) {
    return this.devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
  }

  // Through a link to the recovery codes and on to the dashboard.
  async moveIn(link) {
    await this.goto(link);
    await this.fits();
    await this.page.getByRole("button", { name: "Create my passkey" }).click();
    await this.heading("Your recovery codes");
    await this.fits();
    const codes = await this.page.locator("[data-code]").allTextContents();
    await this.page.getByRole("link", { name: "I have kept them" }).click();
    await this.heading(/^Hello/);
    return codes;
  }

  async signOut() {
    await this.goto("/signout");
    await this.page.getByRole("button", { name: "Sign out" }).click();
    await this.heading("You are signed out");
  }

  // The key that the page shows to an authenticator app.
  async totpKey() {
    return (await this.page.locator("#totp-key").textContent()).replaceAll(" ", "");
  }

  passkeys(authenticatorId) {
    return this.devtools.send("WebAuthn.getCredentials", { authenticatorId }).then(({ credentials }) => credentials);
  }

  goto(path) {
    return this.page.goto(this.house.origin + path);
  }

  // A page that is as wide as its content on this screen needs no sideways scrolling.
  async fits() {
    const over = await this.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(over <= 0, `${this.page.url()} is ${over} pixels too wide`);
  }

  async heading(text) {
    await this.page.getByRole("heading", { level: 1, name: text }).waitFor();
  }

  async leave() {
    await this.context.close();
    assert.deepEqual(this.trouble, []);
  }
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

// The six digits of an authenticator app (RFC 6238), `later` steps from now.
export function digits(key, later = 0) {
  const bits = [...key.replace(/[^A-Z2-7]/g, "")].map((c) => BASE32.indexOf(c).toString(2).padStart(5, "0")).join("");
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const at = mac[mac.length - 1] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
