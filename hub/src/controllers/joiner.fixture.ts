import { readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

import { clusterDefaults } from "../store/store.ts";
import { openJoiningHub } from "./joining-hub.fixture.ts";

/** For `enrollment-kill.test.ts`: lets two agents race for one token after the other, and is killed at the nth moment. */
const [folder = "", nth = ""] = process.argv.slice(2);
const say = (...words: readonly string[]): void => void writeSync(1, `${words.join(" ")}\n`);
let moments = 0;
const hub = await openJoiningHub(folder, () => {
  moments += 1;
  if (moments === Number(nth)) process.kill(process.pid, "SIGKILL");
});
for (let race = 0; ; race += 1) {
  const cluster = `c-${nth}-${race}`;
  hub.store.putCluster({ ...clusterDefaults, name: cluster });
  const { token } = hub.enrollment.invite(cluster);
  say("race", cluster, token);
  const order = race % 2 === 0 ? ["left", "right"] : ["right", "left"];
  const asked = order.map(async (key) => {
    const csr = readFileSync(join(folder, `${key}.csr`));
    const request = { token, csr, key, clusterUid: cluster, agentVersion: "1" };
    await hub.enrollment.enroll(request, new AbortController().signal);
    say("joined", key);
  });
  await Promise.allSettled(asked);
}
