// The behaviour that the plans of the OpenID certification look at, from outside and over TLS, one promise for each; a table by profile at
// the end. PROVIDER names another file of `providers/`, to see that the suite itself asks for nothing that no provider does.

import { after, before, describe, test } from "node:test";

import * as backchannel from "./checks/backchannel.mjs";
import * as basic from "./checks/basic.mjs";
import * as config from "./checks/config.mjs";
import * as dynamic from "./checks/dynamic.mjs";
import * as formPost from "./checks/form_post.mjs";
import * as logout from "./checks/logout.mjs";

const PROFILES = [basic, config, formPost, dynamic, logout, backchannel];
const { open } = await import(`./providers/${process.env.PROVIDER ?? "latchkey"}.mjs`);
const passed = new Map(PROFILES.map(({ profile }) => [profile, 0]));
let op;

before(async () => {
  op = await open();
});

after(async () => {
  await op?.close();
  console.log(`\n${op?.name ?? "no provider"}:`);
  for (const { profile, checks } of PROFILES) {
    console.log(`  ${profile.padEnd(24)} ${passed.get(profile)} passed of ${Object.keys(checks).length}`);
  }
});

for (const { profile, checks } of PROFILES) {
  describe(profile, () => {
    for (const [says, run] of Object.entries(checks)) {
      test(says, async () => {
        await run(op);
        passed.set(profile, passed.get(profile) + 1);
      });
    }
  });
}
