import { FakeClock } from "@drover/shared/clock";
import type { Digest } from "@drover/shared/digest";
import { noFacts, type Hello, type HubLinkHandler, type Report } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";

import { createViews, type Views } from "../backend/views.ts";
import { targetRecord } from "../store/records.fixture.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { clusterDefaults, type Store } from "../store/store.ts";
import { createAgents } from "./agents.ts";
import { createEventLog } from "./event-log.ts";
import { createInspections } from "./inspections.ts";
import { World } from "./world.ts";

const minuteMs = 60_000;
const hello: Hello = { ...noFacts, agentVersion: "1", clusterUid: "uid", epoch: "", generation: 0 };
const bundle: Digest = `sha256:${"a".repeat(64)}`;

let store: Store;
let clock: FakeClock;
let agents: HubLinkHandler;
let views: Views;
beforeEach(() => {
  store = openSqliteStore(":memory:");
  clock = new FakeClock(1_000_000);
  const now = (): number => clock.now();
  const events = createEventLog(store, now);
  const world = new World(store, events, now);
  const nobody = (): Promise<never> => Promise.reject(new Error("nobody joins here"));
  agents = createAgents({
    store,
    world,
    events,
    clock,
    blobs: { read: () => undefined },
    inspections: createInspections({ send: () => false }, clock),
    enrollment: { admit: () => undefined, holds: () => true, enroll: nobody, renew: nobody },
    log: silentLog,
    send: () => undefined,
    listNamed: () => undefined,
    factsChanged: () => undefined,
    rolling: () => undefined,
    left: () => undefined,
  });
  views = createViews({ store, world, clock });
  store.putCluster({ ...clusterDefaults, name: "dev-1", uid: "uid" });
  store.assign({ put: ["web", "api"].map((app) => targetRecord(app, "dev-1", bundle)), forget: [], blobs: new Map() });
});
afterEach(() => store.close());

function report(application: string, sequence: number, health: Report["health"] = "Current"): Report {
  const about = { application, sequence, epoch: store.era.epoch, generation: 1, bundle, applied: bundle };
  return { ...about, commit: "", phase: "applied", health, reason: "", message: "", objects: [], ...times };
}
const times = { receivedAtMs: 0, appliedAtMs: 0 };

const observed = (app: string): Report | undefined => store.observed({ app, cluster: "dev-1" })?.report;

it("R4: of reports that come twice, late and in any order none replaces a newer one", () => {
  const deliveries = fc.array(
    fc.record({ app: fc.constantFrom("web", "api"), sequence: fc.integer({ min: 1, max: 20 }) }),
  );
  fc.assert(
    fc.property(deliveries, (delivered) => {
      agents.connected("dev-1", hello);
      const newest = new Map<string, number>();
      for (const { app, sequence } of delivered) {
        newest.set(app, Math.max(sequence, newest.get(app) ?? 0));
        agents.reported("dev-1", report(app, sequence));
        expect(observed(app)?.sequence).toBe(newest.get(app));
      }
      agents.disconnected("dev-1", { graceful: false, reason: "a test" });
    }),
  );
});

it("R4: a failure that was reported later than a late success stays, and an agent that has restarted counts anew", () => {
  agents.connected("dev-1", hello);
  agents.reported("dev-1", report("web", 8, "Failed"));
  agents.reported("dev-1", report("web", 7));
  expect(views.target("web", "dev-1")?.state).toBe("degraded");
  agents.connected("dev-1", hello);
  agents.reported("dev-1", report("web", 1));
  expect(views.target("web", "dev-1")?.state).toBe("current");
});

it("E76: counts 5,000 clusters exactly, and tells of the worst first", () => {
  const names = Array.from({ length: 5_000 }, (_, index) => `edge-${index}`);
  for (const name of names) store.putCluster({ ...clusterDefaults, name, uid: name });
  store.assign({ put: names.map((name) => targetRecord("web", name, bundle)), forget: [], blobs: new Map() });
  const healthOf = (index: number): Report["health"] => (index % 1_000 === 7 ? "Failed" : "Current");
  for (const [index, name] of names.entries()) {
    if (index % 500 === 3) continue;
    agents.connected(name, hello);
    agents.reported(name, report("web", 1, healthOf(index)));
  }
  const states = new Map<string, number>();
  for (const { state } of views.targets()) states.set(state, (states.get(state) ?? 0) + 1);
  // With the two of dev-1, whose agent has said nothing either.
  expect(Object.fromEntries(states)).toEqual({ current: 4_985, degraded: 5, pending: 12 });
  expect(views.application("web")).toMatchObject({ state: "degraded", targets: { current: 4_985, total: 5_001 } });
  expect(views.targets()[0]?.state).toBe("degraded");
});

it("R32, E78: what a silent cluster said last is shown as offline, apart from the others and with its age", async () => {
  agents.connected("dev-1", hello);
  for (const app of ["web", "api"]) agents.reported("dev-1", report(app, 1));
  const heardAtMs = clock.now();
  expect(views.cluster("dev-1")).toMatchObject({ state: "current", applications: { current: 2, total: 2 } });
  await clock.advance(minuteMs);
  agents.disconnected("dev-1", { graceful: false, reason: "not heard from for 40 s" });
  await clock.advance(minuteMs);
  expect(views.cluster("dev-1")).toMatchObject({
    state: "offline",
    connected: false,
    seen: heardAtMs,
    since: heardAtMs,
    applications: { current: 0, total: 2 },
  });
  expect(views.target("web", "dev-1")).toMatchObject({ state: "offline", since: heardAtMs + minuteMs });
  expect(views.application("web")?.state).toBe("offline");
});
