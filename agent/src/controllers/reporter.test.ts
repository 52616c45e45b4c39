import { FakeClock } from "@drover/shared/clock";
import type { Report } from "@drover/shared/link/link";
import { describe, expect, it } from "vitest";

import { createApplicationRecord, recordOf } from "../core/record.ts";
import { createReporter } from "./reporter.ts";

describe("reporter", () => {
  const stop = new AbortController();

  function start() {
    const clock = new FakeClock(1_000);
    const shop = createApplicationRecord("shop");
    const record = recordOf(shop, { group: "", kind: "Pod", namespace: "shop", name: "web" }, "v1");
    record.desired = "d";
    const sent: Report[] = [];
    const reporter = createReporter({
      state: { applications: new Map([["shop", shop]]), removedUnknown: new Set() },
      acceptance: { epoch: "e", generation: 1, intent: () => ({ kind: "unknown" }), names: () => ["shop"] },
      send: (message) => {
        if (message.kind === "report") sent.push(message.report);
      },
      clock,
    });
    void reporter.run(stop.signal);
    let count = 0;
    const flap = (): void => {
      count += 1;
      record.verdict = { health: "Progressing", reason: `Change${count}`, message: "" };
      reporter.changed("shop");
    };
    return { clock, sent, reporter, flap };
  }

  it("sends the first change at once and what follows at most every 100 ms", async () => {
    const { clock, sent, flap } = start();
    flap();
    await clock.advance(0);
    expect(sent).toHaveLength(1);
    for (let ms = 0; ms < 90; ms += 10) {
      flap();
      await clock.advance(10);
    }
    expect(sent).toHaveLength(1);
    await clock.advance(10);
    expect(sent).toHaveLength(2);
    expect(sent[1]?.objects[0]?.reason).toBe("Change10");
  });

  it("case 78: E77: comes down to one report a second for what flaps, and never loses the last state", async () => {
    const { clock, sent, flap } = start();
    for (let ms = 0; ms < 20_000; ms += 10) {
      flap();
      await clock.advance(10);
    }
    const before = sent.length;
    for (let ms = 0; ms < 10_000; ms += 10) {
      flap();
      await clock.advance(10);
    }
    expect(sent.length - before).toBeLessThanOrEqual(11);
    await clock.advance(2_000);
    expect(sent.at(-1)?.objects[0]?.reason).toBe("Change3000");
  });

  it("does not repeat a report that says nothing new, except on a new connection", async () => {
    const { clock, sent, reporter, flap } = start();
    flap();
    await clock.advance(1_000);
    reporter.changed("shop");
    await clock.advance(1_000);
    expect(sent).toHaveLength(1);
    reporter.resend();
    await clock.advance(1_000);
    expect(sent.map((report) => report.sequence)).toEqual([1, 2]);
  });
});
