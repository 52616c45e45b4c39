import { createGrpcLink } from "@drover/hub/link/grpc";
import { encodeBundle } from "@drover/shared/bundle";
import { systemClock } from "@drover/shared/clock";
import type { Digest } from "@drover/shared/digest";
import type { KubeObject } from "@drover/shared/kube/manifest";
import type { Assignment, HubLinkHandler, HubMessage, Report, Tombstone } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { defaultSync } from "@drover/shared/sync-options";
import { loadAuthority } from "@drover/shared/trust/authority";
import { signAssignments } from "@drover/shared/trust/envelope";
import { loadSigningKey } from "@drover/shared/trust/signing-key";

import { freePort } from "../../rig/ports.ts";

/** The hub's end of the real link, and behind it only a table: what the agent needs is what is measured. */
export interface BenchHub extends AsyncDisposable {
  readonly address: string;
  /** Folder of its keys. */
  readonly keys: string;
  /** Hands out these objects as the newest content of an application; when they were sent, in ms since the epoch. */
  assign(application: string, objects: readonly KubeObject[], options?: Partial<Assignment>): Handed;
  /** Orders the removal of an application, and waits for it. */
  remove(application: string): Promise<void>;
  /** The first report from now on that is as wanted. */
  next(application: string, wanted: (report: Report) => boolean): Promise<Report>;
  /** When the last blob was asked for, in ms since the epoch. */
  readonly lastBlobAtMs: number;
  /** Reports so far. */
  readonly reports: number;
}

export interface Handed {
  readonly bundle: Digest;
  readonly generation: number;
  readonly sentAtMs: number;
}

export const benchCluster = "bench";
const patienceMs = 900_000;

interface Waiting {
  readonly application: string;
  readonly wanted: (report: Report) => boolean;
  readonly resolve: (report: Report) => void;
}

export async function startBenchHub(keys: string): Promise<BenchHub> {
  const authority = await loadAuthority(keys, { clock: systemClock });
  const key = await loadSigningKey(keys);
  const address = `127.0.0.1:${await freePort()}`;
  const link = createGrpcLink({ address, authority, clock: systemClock, log: silentLog });
  const blobs = new Map<Digest, Uint8Array>();
  const targets = new Map<string, Assignment>();
  const tombstones = new Map<string, Tombstone>();
  const waiting = new Set<Waiting>();
  let generation = 0;
  let newest: HubMessage | undefined;
  let lastBlobAtMs = 0;
  let reports = 0;
  const hand = (): number => {
    generation += 1;
    const sentAtMs = Date.now();
    const assignments = {
      cluster: benchCluster,
      epoch: "bench",
      generation,
      clusterUid: "",
      history: [],
      freshForMs: 0,
      issuedAtMs: sentAtMs,
      targets: [...targets.values()],
      tombstones: [...tombstones.values()],
    };
    newest = { kind: "assignments", signed: signAssignments(assignments, key) };
    link.send(benchCluster, newest);
    return sentAtMs;
  };
  const handler: HubLinkHandler = {
    admit: () => undefined,
    holds: () => true,
    connected() {
      if (newest !== undefined) link.send(benchCluster, newest);
      return { reportsKnown: false };
    },
    introduced: () => undefined,
    acknowledged(_cluster, { refusal }) {
      if (refusal !== undefined) throw new Error(`the agent refused: ${refusal.message}`);
    },
    reported(_cluster, report) {
      reports += 1;
      for (const waiter of waiting) {
        if (waiter.application !== report.application || !waiter.wanted(report)) continue;
        waiting.delete(waiter);
        waiter.resolve(report);
      }
    },
    inspected: () => undefined,
    disconnected: () => undefined,
    blob(_cluster, digest) {
      lastBlobAtMs = Date.now();
      return blobs.get(digest);
    },
    enroll: () => Promise.reject(new Error("nobody joins here")),
    renew: () => Promise.reject(new Error("nobody renews here")),
  };
  const stop = new AbortController();
  const ready = Promise.withResolvers<string>();
  const running = link.run(handler, ready.resolve, stop.signal);
  await Promise.race([ready.promise, running]);
  const next = (application: string, wanted: Waiting["wanted"]): Promise<Report> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no report of ${application} is as expected`)), patienceMs);
      waiting.add({ application, wanted, resolve: (report) => (clearTimeout(late), resolve(report)) });
    });
  return {
    address,
    keys,
    next,
    assign(application, objects, options = {}) {
      const { bundle, blobs: parts } = encodeBundle(objects);
      for (const [digest, bytes] of parts) blobs.set(digest, bytes);
      const about = { application, bundle: bundle.digest, repository: "bench", commit: "0".repeat(40) };
      const flags = {
        namespace: application,
        createNamespace: true,
        prune: true,
        confirmPrune: "",
        seenAtMs: 0,
        syncRequest: 0,
        sync: defaultSync,
      };
      targets.set(application, { ...about, ...flags, ...options });
      tombstones.delete(application);
      const sentAtMs = hand();
      return { bundle: bundle.digest, generation, sentAtMs };
    },
    async remove(application) {
      targets.delete(application);
      tombstones.set(application, { application, reason: "its round is over", detach: false, confirmPrune: "" });
      const removed = next(application, ({ phase }) => phase === "removed");
      hand();
      await removed;
      tombstones.delete(application);
      blobs.clear();
    },
    get lastBlobAtMs() {
      return lastBlobAtMs;
    },
    get reports() {
      return reports;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
