import { FakeClock } from "@drover/shared/clock";
import type { Beat } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { signBeat, verifyBeat } from "@drover/shared/trust/envelope";
import { createSigningKey, readVerifyKey } from "@drover/shared/trust/signing-key";
import { afterEach, describe, expect, it } from "vitest";

import { createFreshness } from "./freshness.ts";

const minute = 60_000;
const start = 100 * 86_400_000;
const key = createSigningKey();
const keys = new Map([readVerifyKey(key.id, key.publicPem)]);

describe("freshness", () => {
  let stop = new AbortController();
  afterEach(() => stop.abort());

  function begin(freshForMs = 10 * minute) {
    stop = new AbortController();
    const clock = new FakeClock(start);
    const skew = { ms: 0 };
    const agentClock = { now: () => clock.now() + skew.ms, sleep: clock.sleep.bind(clock) };
    const acceptance = { epoch: "e1", generation: 7, freshForMs, floorMs: 0, settled: () => Promise.resolve() };
    const changes: boolean[] = [];
    const freshness = createFreshness({
      acceptance,
      audience: () => ({ cluster: "c1", clusterUid: "u1" }),
      verify: (signed) => verifyBeat(signed, keys),
      clock: agentClock,
      log: silentLog,
      changed: () => changes.push(freshness.fresh),
    });
    void freshness.run(stop.signal);
    const signed = (change: Partial<Beat> = {}, by = key) => {
      const whole = { cluster: "c1", clusterUid: "u1", epoch: "e1", generation: 7, sentAtMs: clock.now() };
      return signBeat({ ...whole, ...change }, by);
    };
    const beat = (change: Partial<Beat> = {}) => freshness.heard(signed(change));
    return { clock, skew, acceptance, freshness, changes, signed, beat };
  }

  it("lasts for as long as beats come, and ten minutes longer", async () => {
    const { clock, freshness, changes, beat } = begin();
    expect(freshness.fresh).toBe(false);
    for (let round = 0; round < 30; round += 1) {
      await beat();
      await clock.advance(minute);
      expect(freshness.fresh).toBe(true);
    }
    await clock.advance(9 * minute);
    expect(freshness).toMatchObject({ fresh: true, staleSinceMs: 0 });
    await clock.advance(10_000);
    expect(freshness).toMatchObject({ fresh: false, staleSinceMs: start + 29 * minute });
    await beat();
    expect(freshness).toMatchObject({ fresh: true, staleSinceMs: 0 });
    expect(changes).toEqual([true, false, true]);
  });

  it("is brought by accepted orders as well, which are no news a second time", async () => {
    const { clock, freshness, changes, signed } = begin();
    const orders = verifyBeat(signed(), keys);
    freshness.confirm(orders);
    expect(freshness.fresh).toBe(true);
    await clock.advance(5 * minute);
    freshness.confirm(orders);
    await clock.advance(6 * minute);
    expect(freshness).toMatchObject({ fresh: false, staleSinceMs: start });
    expect(changes).toEqual([true, false]);
  });

  it("is told of as lost only when it is: right after a start it is not known", async () => {
    const { clock, freshness } = begin();
    await clock.advance(9 * minute);
    expect(freshness).toMatchObject({ fresh: false, staleSinceMs: 0 });
    await clock.advance(2 * minute);
    expect(freshness).toMatchObject({ fresh: false, staleSinceMs: start });
  });

  it("is not asked for by a hub that sends no beats", async () => {
    const { clock, freshness } = begin(0);
    await clock.advance(86_400_000);
    expect(freshness).toMatchObject({ fresh: true, staleSinceMs: 0 });
  });

  it("is news when it comes right behind the first orders that ask for it: what waited for it goes on", async () => {
    const { acceptance, changes, beat } = begin(0);
    await Promise.resolve();
    acceptance.freshForMs = 10 * minute;
    await beat();
    expect(changes).toEqual([false, true]);
  });

  it.each([
    ["of an older generation: the news were kept back", { generation: 8 }],
    ["of a newer generation: the hub does not know of ours", { generation: 6 }],
    ["of another epoch", { epoch: "e2" }],
    ["for another cluster", { cluster: "c2" }],
    ["for another cluster of its name", { clusterUid: "u2" }],
    ["that was kept for six minutes", { sentAtMs: start - 6 * minute }],
    ["from six minutes ahead", { sentAtMs: start + 6 * minute }],
  ])("does not come from a beat %s", async (_what, change) => {
    const { clock, freshness, beat } = begin();
    await beat();
    await clock.advance(11 * minute);
    await beat({ ...change, ...("sentAtMs" in change ? { sentAtMs: change.sentAtMs + 11 * minute } : {}) });
    expect(freshness.fresh).toBe(false);
  });

  it("T28: comes from each beat once, and from none that was sent before the newest", async () => {
    const { clock, freshness, signed } = begin();
    const older = signed({ sentAtMs: start - 1 });
    const newest = signed();
    await freshness.heard(newest);
    await clock.advance(4 * minute);
    for (const again of [newest, older]) await freshness.heard(again);
    await clock.advance(6 * minute + 1);
    expect(freshness.fresh).toBe(false);
  });

  it("T28: does not come from a beat that somebody else signed, or that was changed", async () => {
    const { freshness, signed } = begin();
    await freshness.heard(signed({}, createSigningKey()));
    await freshness.heard({ ...signed({}, createSigningKey()), keyId: key.id });
    const good = signed();
    await freshness.heard({ ...good, payload: Buffer.concat([good.payload, Buffer.from([0x38, 1])]) });
    expect(freshness.fresh).toBe(false);
    await freshness.heard(good);
    expect(freshness.fresh).toBe(true);
  });

  it("T28: cannot be stretched by handing out kept beats one after the other", async () => {
    const { clock, freshness, signed } = begin();
    const kept = Array.from({ length: 10 }, (_, index) => signed({ sentAtMs: start + index * minute }));
    let staleAt = 0;
    for (const beat of kept) {
      await freshness.heard(beat);
      await clock.advance(9 * minute);
      if (staleAt === 0 && !freshness.fresh) staleAt = clock.now();
    }
    expect(staleAt - start).toBeLessThanOrEqual(27 * minute);
    expect(freshness.fresh).toBe(false);
  });

  it.each([400, -400])(
    "R22: a clock that jumps by %i days makes the agent stale and nothing else, until it is right",
    async (days) => {
      const { clock, skew, freshness, beat } = begin();
      await beat();
      skew.ms = days * 86_400_000;
      expect(freshness.fresh).toBe(false);
      await clock.advance(minute);
      await beat();
      expect(freshness.fresh).toBe(false);
      skew.ms = 0;
      await clock.advance(minute);
      await beat();
      expect(freshness.fresh).toBe(true);
    },
  );

  it("bears clocks that differ by four minutes", async () => {
    const { clock, skew, freshness, beat } = begin();
    for (const minutes of [4, -4]) {
      skew.ms = minutes * minute;
      await clock.advance(20 * minute);
      await beat();
      expect(freshness.fresh).toBe(true);
    }
  });
});
