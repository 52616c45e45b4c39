import { FakeClock } from "@drover/shared/clock";
import { silentLog } from "@drover/shared/log";
import { afterEach, describe, expect, it, vi } from "vitest";

import { answered, createScriptedApi, refused } from "../kube/scripted-api.ts";
import { createApis } from "./apis.ts";

const empty = answered({ kind: "APIGroupDiscoveryList", items: [] });
const groups = (count: number) =>
  answered({
    kind: "APIGroupDiscoveryList",
    items: Array.from({ length: count }, (_, index) => ({
      metadata: { name: `g${index}` },
      versions: [{ version: "v1", resources: [{ responseKind: { kind: "Thing" } }] }],
    })),
  });

describe("what a cluster serves", () => {
  const stop = new AbortController();
  afterEach(() => stop.abort());

  it("is told once when many definitions come one after the other, and not at all when the server does not tell", async () => {
    const clock = new FakeClock(1_000);
    let count = 1;
    let away = false;
    const kube = createScriptedApi({
      request: ({ path }) => (away ? refused(503) : path === "/apis" ? groups(count) : empty),
    });
    const changed = vi.fn();
    const apis = createApis({ kube, clock, random: () => 0.5, log: silentLog });
    await apis.read(stop.signal);
    expect(apis.current?.versions).toEqual(["g0/v1", "g0/v1/Thing"]);
    const running = apis.keptUp(changed).run(stop.signal);
    // For 12 s a new one comes each second.
    for (let second = 0; second < 90; second += 1) {
      if (second >= 55 && second < 67) count += 1;
      await clock.advance(1_000);
    }
    expect(changed).toHaveBeenCalledTimes(1);
    expect(apis.current?.versions).toHaveLength(26);
    away = true;
    for (let second = 0; second < 150; second += 1) await clock.advance(1_000);
    expect(apis.current?.versions).toHaveLength(26);
    expect(changed).toHaveBeenCalledTimes(1);
    stop.abort();
    await running;
  });
});
