// A house for one test file: the real binary with a fresh household on a port of its own, run by its own command line.

import { spawn, execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const BINARY = process.env.LATCHKEY ?? fileURLToPath(new URL("../../../target/debug/latchkey", import.meta.url));
const READY_WITHIN = 20_000;

const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

export class House {
  static async open() {
    const house = new House();
    house.directory = await mkdtemp(path.join(tmpdir(), "latchkey-browser-"));
    house.port = await freePort();
    house.origin = `https://localhost:${house.port}`;
    house.socket = path.join(house.directory, "control", "latchkey.sock");
    const config = path.join(house.directory, "latchkey.toml");
    await writeFile(
      config,
      `host = "localhost"\nhouse = "Miller home"\nport = ${house.port}\nlisten = ["127.0.0.1:${house.port}"]\n` +
        `data_dir = ${JSON.stringify(house.directory)}\n`,
    );
    house.process = spawn(BINARY, ["serve", "--config", config], { stdio: ["ignore", "pipe", "pipe"] });
    house.log = "";
    for (const stream of [house.process.stdout, house.process.stderr]) {
      stream.on("data", (chunk) => { house.log = (house.log + chunk).slice(-200_000); });
    }
    await house.ready();
    return house;
  }

  // The server says when it is ready; nothing is asked in a loop.
  ready() {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the server did not start:\n${this.log}`)), READY_WITHIN);
      const look = () => {
        if (/\bready\b/.test(this.log)) {
          clearTimeout(late);
          resolve();
        }
      };
      this.process.stdout.on("data", look);
      this.process.stderr.on("data", look);
      this.process.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${this.log}`)));
    });
  }

  // The admin's command line; its answer is JSON.
  async latchkey(...words) {
    const { stdout } = await promisify(execFile)(BINARY, ["--socket", this.socket, "--output", "json", ...words]);
    return stdout.trim() === "" ? null : JSON.parse(stdout);
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
