import { FakeClock } from "@drover/shared/clock";
import { silentLog } from "@drover/shared/log";
import { defaultSync } from "@drover/shared/sync-options";
import { describe, expect, it } from "vitest";

import { current } from "../core/health/verdict.ts";
import { unordered } from "../core/order.ts";
import { createApplicationRecord, recordOf, type ApplicationRecord, type ObjectRecord } from "../core/record.ts";
import { nextTry, takeTurn } from "./turn.ts";

const timeoutMs = defaultSync.gateTimeoutMs;

/** Three objects, each in a wave of its own. The first has been applied, and is not ready. */
function waves() {
  const application = createApplicationRecord("shop");
  const add = (name: string, wave: number): ObjectRecord => {
    const record = recordOf(application, { group: "", kind: "ConfigMap", namespace: "shop", name }, "v1");
    return Object.assign(record, { desired: `sha256:${name}`, placed: true, order: { ...unordered, wave } });
  };
  const [first, second, third] = [add("first", 0), add("second", 1), add("third", 2)];
  first.applied = first.desired;
  return { application, first, second, third };
}

function turns(application: ApplicationRecord) {
  const clock = new FakeClock(1_000);
  const state = { applications: new Map(), ofKind: () => [] };
  const acceptance = { intent: () => ({ kind: "unknown" }) };
  const context = { acceptance, clock, log: silentLog, state };
  const take = () => takeTurn(context as unknown as Parameters<typeof takeTurn>[0], application);
  return { clock, take };
}

describe("a wait for a wave", () => {
  it("counts as a failure once it has lasted too long, which the turn foresees", async () => {
    const { application, second, third } = waves();
    const { clock, take } = turns(application);
    expect(take()).toEqual({ due: [], nextAtMs: 1_000 + timeoutMs });
    expect(second.obstacle).toMatchObject({ reason: "WaitingForDependency" });
    await clock.advance(timeoutMs - 1);
    expect(take().nextAtMs).toBe(1_000 + timeoutMs);
    expect(nextTry(application, clock.now())).toBe(1_000 + timeoutMs);
    await clock.advance(1);
    expect(take()).toEqual({ due: [], nextAtMs: Number.POSITIVE_INFINITY });
    const stuck = { reason: "DependencyStuck", message: expect.stringContaining("more than 5m: waits for wave 0") };
    expect([second.obstacle, third.obstacle]).toEqual([expect.objectContaining(stuck), expect.objectContaining(stuck)]);
  });

  it("is looked at at once when it became overdue while the round after its turn went on", async () => {
    const { application } = waves();
    const { clock, take } = turns(application);
    take();
    await clock.advance(timeoutMs + 1);
    expect(nextTry(application, clock.now())).toBe(1_000 + timeoutMs);
    take();
    expect(nextTry(application, clock.now())).toBe(Number.POSITIVE_INFINITY);
  });

  it("ends when the wave gets ready after all, and the next wave has its own time", async () => {
    const { application, first, second, third } = waves();
    const { clock, take } = turns(application);
    take();
    await clock.advance(timeoutMs);
    take();
    first.verdict = current;
    const turn = take();
    expect(turn.due).toEqual([second]);
    expect(second.obstacle).toBeUndefined();
    expect(third.obstacle).toMatchObject({ reason: "WaitingForDependency" });
    expect(turn.nextAtMs).toBe(clock.now() + timeoutMs);
  });
});
