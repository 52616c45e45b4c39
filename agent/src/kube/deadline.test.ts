import { FakeClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { describe, expect, it } from "vitest";

import { createDeadlines } from "./deadline.ts";

const never = new AbortController().signal;

describe("deadlines", () => {
  it("end each request within a second of its own time, and no other", async () => {
    const clock = new FakeClock();
    using deadlines = createDeadlines(clock);
    const short = deadlines.start(5_000, never);
    const long = deadlines.start(60_000, never);
    await clock.advance(4_999);
    expect(short.signal.aborted).toBe(false);
    await clock.advance(1_001);
    expect(DroverError.from(short.signal.reason).code).toBe("timeout");
    expect(long.signal.aborted).toBe(false);
    await clock.advance(55_000);
    expect(long.signal.aborted).toBe(true);
  });

  it("keep no timer once nothing is under way, and begin again", async () => {
    const clock = new FakeClock();
    using deadlines = createDeadlines(clock);
    deadlines.start(5_000, never)[Symbol.dispose]();
    await clock.advance(1_000);
    expect(clock.sleeping).toBe(0);
    const next = deadlines.start(2_000, never);
    await clock.advance(3_000);
    expect(next.signal.aborted).toBe(true);
  });

  it("abort with the outer signal's reason, also when the limit was lifted, and never after they were disposed", async () => {
    const clock = new FakeClock();
    using deadlines = createDeadlines(clock);
    const outer = new AbortController();
    const lifted = deadlines.start(1_000, outer.signal);
    lifted.lift();
    const disposed = deadlines.start(1_000, outer.signal);
    disposed[Symbol.dispose]();
    await clock.advance(10_000);
    expect(lifted.signal.aborted).toBe(false);
    outer.abort(new Error("stop"));
    expect(lifted.signal.reason).toEqual(new Error("stop"));
    expect(disposed.signal.aborted).toBe(false);
    expect(() => deadlines.start(1_000, outer.signal)).toThrow("stop");
  });
});
