import { describe, expect, it } from "vitest";

import { Coalescer } from "../coalesce.ts";
import { pump } from "./pump.ts";

/** A sink whose reader takes a message when the test says so. */
function createSink() {
  const written: string[] = [];
  const waiting: (() => void)[] = [];
  return {
    written,
    take: () => waiting.shift()?.(),
    write: (message: string, done: () => void) => {
      written.push(message);
      waiting.push(done);
      return false;
    },
  };
}

describe("pump", () => {
  it("keeps one message in flight and only the newest of each kind behind it", async () => {
    const queue = new Coalescer<string, string>();
    const sink = createSink();
    const running = pump(queue, sink, new AbortController().signal);
    queue.put("a", "a1");
    await expect.poll(() => sink.written).toEqual(["a1"]);
    for (let version = 2; version <= 100; version += 1) queue.put("a", `a${version}`);
    queue.put("b", "b1");
    expect(sink.written).toEqual(["a1"]);
    expect(queue.size).toBe(2);
    queue.close();
    sink.take();
    await expect.poll(() => sink.written).toEqual(["a1", "a100"]);
    sink.take();
    await expect.poll(() => sink.written).toEqual(["a1", "a100", "b1"]);
    sink.take();
    await running;
  });

  it.each([0, 1])("ends with the signal, with %i messages that nobody takes", async (messages) => {
    const queue = new Coalescer<string, string>();
    const sink = createSink();
    const controller = new AbortController();
    const running = pump(queue, sink, controller.signal);
    if (messages > 0) queue.put("a", "a1");
    await expect.poll(() => sink.written.length).toBe(messages);
    queue.put("b", "b1");
    controller.abort();
    await running;
    expect(sink.written.length).toBeLessThanOrEqual(messages + 1);
  });
});
