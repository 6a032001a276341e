// A house for one test file: the real binary with a fresh household on a port of its own, run by its own command line.

import { spawn, execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, watch, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const BINARY = process.env.LATCHKEY ?? fileURLToPath(new URL("../../../target/debug/latchkey", import.meta.url));
const READY_WITHIN = 60_000;

const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

// A household as `make demo` makes it, in a folder that is thrown away.
export class House {
  // `unclaimed`: a box without an owner, whose button is the line that `tap` types.
  static async open({ unclaimed = false } = {}) {
    const house = new House();
    house.binary = BINARY;
    house.directory = await mkdtemp(path.join(tmpdir(), "latchkey-browser-"));
    house.port = await freePort();
    house.origin = `https://localhost:${house.port}`;
    const data = path.join(house.directory, "data");
    house.socket = path.join(data, "control", "latchkey.sock");
    const words = ["demo", "--port", String(house.port), "--data-dir", data];
    house.process = spawn(BINARY, unclaimed ? [...words, "--unclaimed"] : words, {
      stdio: [unclaimed ? "pipe" : "ignore", "pipe", "pipe"],
    });
    await house.ready("Ctrl-C stops it");
    house.links = new Map();
    for (const [, name, link] of house.log.matchAll(/^ {2}(\S+) .*\n\s+(https:\S+\/invite\/\S+)$/gm)) {
      house.links.set(name, link.slice(house.origin.length));
    }
    return house;
  }

  // A box as it comes, without an owner, under a name of its own (or reached by its address until it has one) and with a port
  // without TLS. `card`: what its owner wrote to the boot partition.
  static async box(host, { card } = {}) {
    const house = new House();
    house.directory = await mkdtemp(path.join(tmpdir(), "latchkey-browser-"));
    house.port = await freePort();
    house.origin = `https://${host ?? "127.0.0.1"}:${house.port}`;
    house.plainPort = await freePort();
    house.plain = `http://${host ?? "127.0.0.1"}:${house.plainPort}`;
    house.card = path.join(house.directory, "card");
    const data = path.join(house.directory, "data");
    house.socket = path.join(data, "control", "latchkey.sock");
    const config = path.join(house.directory, "latchkey.toml");
    await mkdir(house.card);
    if (card) await writeFile(path.join(house.card, "latchkey.toml"), card);
    await writeFile(config, `
${host ? `host = "${host}"` : ""}
${card ? `boot_dir = "${house.card}"` : ""}
port = ${house.port}
listen = ["127.0.0.1:${house.port}"]
plain = ["127.0.0.1:${house.plainPort}"]
data_dir = "${data}"
`);
    house.process = spawn(BINARY, ["serve", "--config", config], { stdio: ["ignore", "pipe", "pipe"] });
    await house.ready("ready");
    return house;
  }

  // A house of that name, which browsers reach on port 443 as far as they know, with an owner.
  static async named(host, owner) {
    const house = new House();
    house.directory = await mkdtemp(path.join(tmpdir(), "latchkey-browser-"));
    house.port = await freePort();
    house.origin = `https://${host}`;
    const data = path.join(house.directory, "data");
    house.socket = path.join(data, "control", "latchkey.sock");
    const config = path.join(house.directory, "latchkey.toml");
    await writeFile(config, `
host = "${host}"
listen = ["127.0.0.1:${house.port}"]
plain = []
data_dir = "${data}"
`);
    house.process = spawn(BINARY, ["serve", "--config", config], { stdio: ["ignore", "pipe", "pipe"] });
    await house.ready("ready");
    await house.claim(owner);
    return house;
  }

  // What a person reads who puts the card into a computer; it is written soon after the start.
  async outcome() {
    const enough = new AbortController();
    const late = setTimeout(() => enough.abort(new Error("nothing was written to the card")), READY_WITHIN);
    const news = watch(this.card, { signal: enough.signal });
    try {
      // Watching begins with the first question, so that comes before the first look.
      for (let event = news.next(); ; event = news.next()) {
        event.catch(() => {});
        const text = await readFile(path.join(this.card, "latchkey-setup.txt"), "utf8").catch(() => "");
        if (text.endsWith("\n")) return text;
        await event;
      }
    } finally {
      clearTimeout(late);
      enough.abort();
    }
  }

  // Gives it an owner, at its console.
  async claim(name) {
    await this.latchkey("person", "create", name, "--display-name", name);
    await this.latchkey("group", "add", "owners", name);
  }

  // The server says when it is ready; nothing is asked in a loop.
  ready(word) {
    this.log = "";
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the server did not start:\n${this.log}`)), READY_WITHIN);
      const look = () => {
        if (!this.log.includes(word)) return;
        clearTimeout(late);
        resolve();
      };
      for (const stream of [this.process.stdout, this.process.stderr]) {
        stream.on("data", (chunk) => {
          this.log = (this.log + chunk).slice(-200_000);
          look();
        });
      }
      this.process.once("exit", (code) => {
        clearTimeout(late);
        reject(new Error(`the server ended with ${code}:\n${this.log}`));
      });
    });
  }

  // Somebody taps the button of a box without an owner.
  tap() {
    this.process.stdin.write("\n");
  }

  // The admin's command line.
  async latchkey(...words) {
    const { stdout } = await promisify(execFile)(BINARY, ["--socket", this.socket, "--output", "json", ...words]);
    return stdout;
  }

  // A new link for somebody, as a path of this house.
  async invite(name) {
    const { url } = JSON.parse(await this.latchkey("person", "invite", name));
    return url.slice(this.origin.length);
  }

  // Somebody new, with a link.
  async newcomer(name, displayName) {
    await this.latchkey("person", "create", name, "--display-name", displayName);
    return this.invite(name);
  }

  async close() {
    if (this.process.exitCode === null) {
      const ended = new Promise((resolve) => this.process.once("exit", resolve));
      this.process.kill("SIGTERM");
      await ended;
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}
