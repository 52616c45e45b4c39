import { fork } from "node:child_process";
import { join } from "node:path";

import { createGrpcLink } from "@drover/hub/link/grpc";
import { systemClock } from "@drover/shared/clock";
import type { HubLinkHandler } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { loadAuthority } from "@drover/shared/trust/authority";
import { signAssignments } from "@drover/shared/trust/envelope";
import { loadSigningKey } from "@drover/shared/trust/signing-key";

import { freePort } from "../rig/ports.ts";
import type { SimulatorOrder } from "./agent-simulator.ts";

/** The ceiling of a fan-out: times from sending a signed message to all clusters until each has acknowledged it. */
export async function measureLinkAlone(options: {
  readonly keys: string;
  readonly names: readonly string[];
  readonly rounds: number;
}): Promise<readonly number[]> {
  const { names, rounds } = options;
  const authority = await loadAuthority(options.keys, { clock: systemClock });
  const key = await loadSigningKey(options.keys);
  const address = `127.0.0.1:${await freePort()}`;
  const link = createGrpcLink({ address, authority, clock: systemClock, log: silentLog });
  const stop = new AbortController();
  const samples: number[] = [];
  let waiting = names.length;
  let sentMs = 0;
  let all = Promise.withResolvers<void>();
  const count = (): void => {
    waiting -= 1;
    if (waiting === 0) all.resolve();
  };
  const handler: HubLinkHandler = {
    admit: () => undefined,
    holds: () => true,
    connected: count,
    introduced: () => undefined,
    acknowledged: () => {
      samples.push(Date.now() - sentMs);
      count();
    },
    reported: () => undefined,
    inspected: () => undefined,
    disconnected: () => undefined,
    blob: () => undefined,
    enroll: () => Promise.reject(new Error("nobody joins here")),
    renew: () => Promise.reject(new Error("nobody renews here")),
  };
  const running = link.run(handler, () => undefined, stop.signal);
  const simulator = fork(join(import.meta.dirname, "agent-simulator.ts"), { stdio: "inherit" });
  simulator.send({ kind: "connect", hub: address, keys: options.keys, clusters: names } satisfies SimulatorOrder);
  await all.promise;
  for (let round = 1; round <= rounds; round += 1) {
    waiting = names.length;
    all = Promise.withResolvers<void>();
    sentMs = Date.now();
    for (const cluster of names) {
      const common = { epoch: "bench", generation: round, issuedAtMs: sentMs, targets: [], tombstones: [] };
      const whole = { cluster, clusterUid: "", history: [], freshForMs: 0, ...common };
      link.send(cluster, { kind: "assignments", signed: signAssignments(whole, key) });
    }
    await all.promise;
  }
  simulator.kill();
  stop.abort();
  await running;
  return samples;
}
