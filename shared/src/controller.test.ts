import { afterEach, describe, expect, it, vi } from "vitest";

import { FakeClock } from "./clock.ts";
import { createController, done, type Controller, type ControllerOptions } from "./controller.ts";
import { DroverError } from "./errors.ts";
import { silentLog } from "./log.ts";

describe("controller", () => {
  const running: { stop: AbortController; run: Promise<void> }[] = [];
  afterEach(async () => {
    for (const { stop, run } of running.splice(0)) {
      stop.abort();
      await run;
    }
  });
  const start = (options: Pick<ControllerOptions, "reconcile"> & Partial<ControllerOptions>) => {
    const clock = new FakeClock();
    const controller = createController({ name: "test", clock, random: () => 0.5, log: silentLog, ...options });
    const stop = new AbortController();
    running.push({ stop, run: controller.run(stop.signal) });
    return { controller, clock };
  };
  const idle = (controller: Controller) => vi.waitFor(() => expect(controller.busy).toBe(0));

  it("takes many asks for one key before it starts as one", async () => {
    const seen: string[] = [];
    const { controller } = start({
      reconcile: async (key) => {
        seen.push(key);
        return done;
      },
    });
    for (const key of ["a", "a", "b", "a"]) controller.enqueue(key);
    await idle(controller);
    expect(seen).toEqual(["a", "b"]);
  });

  it("works a key again that was asked for while it ran, and never twice at once", async () => {
    let active = 0;
    let most = 0;
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    const { controller } = start({
      concurrency: 4,
      reconcile: async () => {
        active += 1;
        runs += 1;
        most = Math.max(most, active);
        await gate.promise;
        active -= 1;
        return done;
      },
    });
    controller.enqueue("a");
    await vi.waitFor(() => expect(runs).toBe(1));
    controller.enqueue("a");
    gate.resolve();
    await idle(controller);
    expect({ runs, most }).toEqual({ runs: 2, most: 1 });
  });

  it("goes on with other keys when one fails, and tries that one again after a growing wait", async () => {
    const tries: Record<string, number> = {};
    const { controller, clock } = start({
      reconcile: async (key) => {
        tries[key] = (tries[key] ?? 0) + 1;
        if (key === "bad") throw new DroverError("source_unreachable", "no route");
        return done;
      },
    });
    controller.enqueue("bad");
    controller.enqueue("good");
    await idle(controller);
    expect(tries).toEqual({ bad: 1, good: 1 });
    await clock.advance(250);
    expect(tries["bad"]).toBe(2);
    await clock.advance(250);
    expect(tries["bad"]).toBe(2);
    await clock.advance(250);
    expect(tries["bad"]).toBe(3);
  });

  it("does not try again what cannot succeed by itself, until somebody asks", async () => {
    let tries = 0;
    const { controller, clock } = start({
      reconcile: async () => {
        tries += 1;
        throw new DroverError("render_failed", "broken");
      },
    });
    controller.enqueue("a");
    await idle(controller);
    await clock.advance(3_600_000);
    expect(tries).toBe(1);
    controller.enqueue("a");
    await idle(controller);
    expect(tries).toBe(2);
  });

  it("comes back after the time that the outcome asks for, or at once when asked", async () => {
    let runs = 0;
    const { controller, clock } = start({
      reconcile: async () => {
        runs += 1;
        return { kind: "retry", afterMs: 1000 };
      },
    });
    controller.enqueue("a");
    await idle(controller);
    await clock.advance(999);
    expect(runs).toBe(1);
    await clock.advance(1);
    await idle(controller);
    expect(runs).toBe(2);
    controller.enqueue("a");
    await idle(controller);
    expect(runs).toBe(3);
  });

  it("ends only after the work in hand has ended", async () => {
    const gate = Promise.withResolvers<void>();
    let ended = false;
    const controller = createController({
      name: "test",
      clock: new FakeClock(),
      random: Math.random,
      log: silentLog,
      reconcile: async () => {
        await gate.promise;
        ended = true;
        return done;
      },
    });
    const stop = new AbortController();
    const run = controller.run(stop.signal);
    controller.enqueue("a");
    await vi.waitFor(() => expect(controller.busy).toBe(1));
    stop.abort();
    gate.resolve();
    await run;
    expect(ended).toBe(true);
  });
});
