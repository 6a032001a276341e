// A relying party in another language, that we did not write either: PyPI's Authlib. PYTHON names a Python that has it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { House } from "../browser/house.mjs";
import { Visitor, fetchTrusting } from "../relying-party/visitor.mjs";

const SCRIPT = fileURLToPath(new URL("relying_party.py", import.meta.url));
const PYTHON = process.env.PYTHON ?? fileURLToPath(new URL("../../../target/python/bin/python3", import.meta.url));

test("Authlib's client goes through code, userinfo, refresh, introspection and revocation", async (t) => {
  const house = await House.open();
  const certificate = path.join(house.directory, "data/tls/self-made-localhost.crt");
  const transport = fetchTrusting(await readFile(certificate));
  const app = spawn(PYTHON, [SCRIPT, house.origin, certificate], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const visitor = new Visitor(house.origin, transport.send);
    await visitor.moveIn(await house.newcomer("cora", "Cora Vogel"), "Cora Vogel");
    const ended = new Promise((resolve, reject) => app.once("error", reject).once("exit", resolve));
    let count = 0;
    for await (const line of createInterface({ input: app.stdout })) {
      const question = JSON.parse(line);
      let answer = {};
      if (question.app) answer = JSON.parse(await house.latchkey("app", "create", `python${(count += 1)}`, ...question.app));
      if (question.authorize) answer = { back: (await visitor.authorize(new URL(question.authorize))).href };
      if (question.done) t.diagnostic(question.done);
      app.stdin.write(`${JSON.stringify(answer)}\n`);
    }
    assert.equal(await ended, 0);
    assert.equal(count, 2);
  } finally {
    app.kill();
    transport.close();
    await house.close();
  }
});
