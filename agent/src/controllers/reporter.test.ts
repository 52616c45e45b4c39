import { FakeClock } from "@drover/shared/clock";
import type { Report } from "@drover/shared/link/link";
import { digestOfReports } from "@drover/shared/link/reported";
import { describe, expect, it } from "vitest";

import { createApplicationRecord, recordOf } from "../core/record.ts";
import type { Acceptance } from "./acceptance.ts";
import { createReporter } from "./reporter.ts";

describe("reporter", () => {
  const stop = new AbortController();

  function start() {
    const clock = new FakeClock(1_000);
    const shop = createApplicationRecord("shop");
    const record = recordOf(shop, { group: "", kind: "Pod", namespace: "shop", name: "web" }, "v1");
    record.desired = "d";
    const sent: Report[] = [];
    const acceptance: Pick<Acceptance, "epoch" | "intent" | "names"> & { generation: number } = {
      epoch: "e",
      generation: 1,
      intent: () => ({ kind: "unknown" }),
      names: () => ["shop"],
    };
    const reporter = createReporter({
      state: { applications: new Map([["shop", shop]]), removedUnknown: new Set() },
      acceptance,
      send: (message) => {
        if (message.kind === "report") sent.push(message.report);
      },
      clock,
      salt: "",
    });
    void reporter.run(stop.signal);
    let count = 0;
    const flap = (): void => {
      count += 1;
      record.verdict = { health: "Progressing", reason: `Change${count}`, message: "" };
      reporter.changed("shop");
    };
    return { clock, sent, reporter, flap, acceptance };
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
    reporter.connected({ reportsKnown: false });
    await clock.advance(1_000);
    expect(sent.map((report) => report.sequence)).toEqual([1, 2]);
  });

  it("E66: says nothing on a connection to a hub that has what it was opened with, but what has changed since", async () => {
    const { clock, sent, reporter, flap } = start();
    flap();
    await clock.advance(1_000);
    reporter.introduce();
    reporter.connected({ reportsKnown: true });
    await clock.advance(1_000);
    expect(sent).toHaveLength(1);
    reporter.introduce();
    // Said to a connection that was not there yet: lost.
    flap();
    await clock.advance(1_000);
    reporter.connected({ reportsKnown: true });
    await clock.advance(1_000);
    expect(sent.map(({ objects }) => objects[0]?.reason)).toEqual(["Change1", "Change2", "Change2"]);
  });

  it("E66: introduces equal reports as equal, and names them as the reports do", async () => {
    const { clock, sent, reporter, flap } = start();
    flap();
    await clock.advance(1_000);
    const before = reporter.introduce();
    expect(before).toBe(digestOfReports([["shop", sent[0]?.digest]]));
    expect(reporter.introduce()).toBe(before);
    flap();
    expect(reporter.introduce()).not.toBe(before);
  });

  it("does not repeat what it said of one application because another one has changed", async () => {
    const { clock, sent, reporter, flap, acceptance } = start();
    flap();
    await clock.advance(1_000);
    acceptance.generation += 1;
    reporter.changed("shop");
    await clock.advance(1_000);
    expect(sent).toHaveLength(1);
  });
});
