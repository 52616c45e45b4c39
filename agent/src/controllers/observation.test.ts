import { FakeClock } from "@drover/shared/clock";
import type { JsonRecord } from "@drover/shared/json";
import { silentLog } from "@drover/shared/log";
import { describe, expect, it } from "vitest";

import { assess } from "../core/health/index.ts";
import { createApplicationRecord, recordOf, setVerdict } from "../core/record.ts";
import { createDiscovery } from "../kube/discovery.ts";
import { createScriptedApi } from "../kube/scripted-api.ts";
import type { Assess } from "./context.ts";
import { createDiagnosis } from "./diagnosis.ts";
import { noteGone, noteSeen } from "./observation.ts";

const key = { group: "example.org", kind: "Thing", namespace: "shop", name: "one" };
const metadata = { uid: "u1", resourceVersion: "7", generation: 1 };
const silent: JsonRecord = { metadata };

function start({ scalesUnseen = false } = {}) {
  const clock = new FakeClock();
  const changed: string[] = [];
  const application = createApplicationRecord("shop");
  const record = recordOf(application, key, "v1");
  record.uid = "u1";
  const judge: Assess = (_, { key: of }, object) => assess(of, object);
  const options = {
    assess: judge,
    clock,
    scalesUnseen: () => scalesUnseen,
    addedTo: () => undefined,
    drifted: () => undefined,
    wake: () => undefined,
    changed: (name: string) => void changed.push(name),
  };
  const place = { application, record };
  return {
    clock,
    changed,
    record,
    applied: (object: JsonRecord) => setVerdict(record, assess(key, object)),
    seen: (object: JsonRecord) => noteSeen(options, place, object),
    gone: () => noteGone(options, place),
    /** Lets time be noticed. */
    watchTime(signal: AbortSignal) {
      const state = { applications: new Map([["shop", application]]) };
      const kube = createScriptedApi({});
      const nothing = (): Promise<undefined> => Promise.resolve(undefined);
      const blobs = { missing: () => [], read: nothing, write: nothing, retain: nothing };
      void createDiagnosis(
        {
          kube,
          accounts: { kubeFor: () => kube },
          discovery: createDiscovery(kube, clock),
          blobs,
          state,
          clock,
          log: silentLog,
        },
        options.changed,
      ).run(signal);
    },
  };
}

describe("observation", () => {
  it.each([
    { scalesUnseen: true, repair: "moved" },
    { scalesUnseen: false, repair: undefined },
  ])("case 26: looks at a new generation only where scaling shows nowhere else: %j", ({ scalesUnseen, repair }) => {
    const { record, seen } = start({ scalesUnseen });
    record.desired = "sha256:1";
    record.applied = record.desired;
    record.generation = 1;
    seen({ metadata: { ...metadata, resourceVersion: "8" } });
    expect(record.repair).toBeUndefined();
    seen({ metadata: { ...metadata, resourceVersion: "9", generation: 2 } });
    expect(record.repair?.kind).toBe(repair);
  });

  it("case 74: an object that was just made without a status is current 30 s later, and that is reported", async () => {
    const { clock, changed, record, applied, seen, watchTime } = start();
    const stop = new AbortController();
    watchTime(stop.signal);
    applied(silent);
    seen(silent);
    await clock.advance(28_000);
    expect(record.verdict).toMatchObject({ health: "Progressing", reason: "NotObserved" });
    expect(changed).toEqual([]);
    await clock.advance(4_000);
    expect(record.verdict.health).toBe("Current");
    expect(changed).toEqual(["shop"]);
    stop.abort();
  });

  it("case 74: what its controller says counts at once", () => {
    const { record, applied, seen } = start();
    applied(silent);
    seen(silent);
    seen({ metadata: { ...metadata, resourceVersion: "8" }, status: { phase: "Done" } });
    expect(record.verdict.health).toBe("Current");
  });

  it("does not start over for an object that was there before the agent", () => {
    const { record, seen } = start();
    seen(silent);
    expect(record.verdict.health).toBe("Current");
  });

  it("starts over for an object that was made anew, and not for one that was applied again", async () => {
    const { clock, record, applied, seen, gone } = start();
    applied(silent);
    seen(silent);
    await clock.advance(60_000);
    applied(silent);
    seen(silent);
    expect(record.verdict.health).toBe("Current");
    gone();
    applied(silent);
    seen({ metadata: { ...metadata, resourceVersion: "9" } });
    expect(record.verdict.health).toBe("Progressing");
  });
});
