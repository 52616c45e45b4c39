import { FakeClock } from "@drover/shared/clock";
import { textAt, type JsonRecord } from "@drover/shared/json";
import { expect, it, vi } from "vitest";

import type { StreamAnswer } from "./api.ts";
import { answered, createScriptedApi, refused, type Script } from "./scripted-api.ts";
import { watchKind, type WatchOptions } from "./watch.ts";

const resource = { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };

function item(name: string, resourceVersion: string): JsonRecord {
  return { metadata: { name, resourceVersion } };
}

function listOf(resourceVersion: string, items: readonly JsonRecord[], next?: string) {
  return answered({
    kind: "ConfigMapList",
    metadata: { resourceVersion, ...(next === undefined ? {} : { continue: next }) },
    items,
  });
}

function streamOf(...events: readonly (readonly [type: string, object: JsonRecord])[]): StreamAnswer {
  // oxlint-disable-next-line typescript/require-await -- a stream has an asynchronous shape
  async function* lines() {
    for (const [type, object] of events) yield { type, object };
  }
  return { kind: "ok", lines: lines() };
}

/** A stream that stays open and quiet until it is ended. */
function quiet(signal: AbortSignal): StreamAnswer {
  // oxlint-disable-next-line require-yield -- nothing happens on it
  async function* lines(): AsyncGenerator<never> {
    await new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
    );
  }
  return { kind: "ok", lines: lines() };
}

function start(script: Script, options: Partial<WatchOptions> = {}, stop = new AbortController()) {
  const clock = new FakeClock();
  const told: string[] = [];
  const api = createScriptedApi(script);
  const name = (object: JsonRecord): string => textAt(object, "metadata", "name") ?? "";
  const running = watchKind(
    { api, resource, labelSelector: "app", metadataOnly: true, clock, random: () => 0.5, ...options },
    {
      seen: (object) => void told.push(`seen ${name(object)}`),
      left: (object) => void told.push(`left ${name(object)}`),
      listing: () => void told.push("listing"),
      listed: (resourceVersion) => void told.push(`listed ${resourceVersion}`),
      interrupted: (error) => void told.push(`interrupted ${error.code}`),
      lost: () => void told.push("lost"),
    },
    stop.signal,
  );
  return {
    api,
    clock,
    told,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the test is over"));
      await running;
    },
  };
}

it("lists page by page, then watches from there", async () => {
  await using watch = start({
    request: ({ path }) =>
      path.includes("continue=more") ? listOf("5", [item("b", "2")]) : listOf("5", [item("a", "1")], "more"),
    stream: (_path, signal) => quiet(signal),
  });
  await vi.waitFor(() => expect(watch.api.calls).toHaveLength(3));
  expect(watch.told).toEqual(["listing", "seen a", "seen b", "listed 5"]);
  expect(watch.api.calls[2]).toContain("resourceVersion=5");
  expect(watch.api.calls[2]).toContain("allowWatchBookmarks=true");
});

it("case 58: resumes from the last bookmark without a new list", async () => {
  let streams = 0;
  await using watch = start({
    request: () => listOf("5", []),
    stream: (_path, signal) => ((streams += 1) === 1 ? streamOf(["BOOKMARK", item("", "900")]) : quiet(signal)),
  });
  await vi.waitFor(() => expect(watch.clock.sleeping).toBeGreaterThan(0));
  await vi.waitFor(async () => {
    await watch.clock.advance(1_000);
    expect(watch.api.calls.filter((call) => call.startsWith("WATCH"))).toHaveLength(2);
  });
  expect(watch.api.calls.at(-1)).toContain("resourceVersion=900");
  expect(watch.api.calls.filter((call) => call.startsWith("GET"))).toHaveLength(1);
});

it.each([
  ["as the answer", () => refused(410, "Expired")],
  ["as an event", () => streamOf(["ERROR", { kind: "Status", code: 410 }])],
])("case 57: lists again after 410 %s", async (_how, gone) => {
  let streams = 0;
  await using watch = start({
    request: () => listOf(String(10 * (streams + 1)), []),
    stream: (_path, signal) => ((streams += 1) === 1 ? gone() : quiet(signal)),
  });
  await vi.waitFor(async () => {
    await watch.clock.advance(1_000);
    expect(watch.told.filter((line) => line.startsWith("listed"))).toEqual(["listed 10", "listed 20"]);
  });
});

it("backs off instead of asking a server that fails again and again", async () => {
  await using watch = start({ request: () => refused(500) });
  await vi.waitFor(() => expect(watch.told).toContain("interrupted api_unreachable"));
  for (let second = 0; second < 300; second += 1) await watch.clock.advance(1_000);
  expect(watch.api.calls.length).toBeLessThan(20);
});

it("does not spin when a server ends every watch at once", async () => {
  await using watch = start({ request: () => listOf("5", []), stream: () => streamOf() });
  await vi.waitFor(() => expect(watch.clock.sleeping).toBeGreaterThan(0));
  for (let second = 0; second < 60; second += 1) await watch.clock.advance(1_000);
  expect(watch.api.calls.length).toBeLessThan(15);
});

it("case 59: gives a watch up that outlives its own end, as one on a dead connection does", async () => {
  let streams = 0;
  await using watch = start({
    request: () => listOf("5", []),
    stream: (_path, signal) => {
      streams += 1;
      return quiet(signal);
    },
  });
  await vi.waitFor(() => expect(streams).toBe(1));
  await vi.waitFor(async () => {
    await watch.clock.advance(60_000);
    expect(streams).toBeGreaterThan(1);
  });
});

it("says that the kind is missing, and that it may not watch", async () => {
  await using missing = start({ request: () => refused(404) });
  await vi.waitFor(() => expect(missing.told).toContain("interrupted kind_missing"));
  await using forbidden = start({ request: () => refused(403, "Forbidden") });
  await vi.waitFor(() => expect(forbidden.told).toContain("interrupted forbidden"));
});

const asked = (calls: readonly string[], verb: string) => calls.filter((call) => call.startsWith(verb));

it.each([
  ["once, lists anew", 1, ["", "continue", ""]],
  ["twice, lists from the cache", 2, ["", "continue", "", "continue", "resourceVersion=0"]],
])("when the pages of a list expire %s", async (_how, expiries, expected) => {
  let left = expiries;
  await using watch = start({
    request({ path }) {
      if (!path.includes("continue")) return listOf("5", [item("a", "1")], left > 0 ? "more" : undefined);
      left -= 1;
      return refused(410, "Expired");
    },
    stream: (_path, signal) => quiet(signal),
  });
  await vi.waitFor(() => expect(asked(watch.api.calls, "WATCH")).toHaveLength(1));
  const lists = asked(watch.api.calls, "GET");
  expect(lists).toHaveLength(expected.length);
  for (const [index, part] of expected.entries()) expect(lists[index]).toContain(part);
  expect(watch.told.filter((line) => line.startsWith("listed"))).toEqual(["listed 5"]);
});

const end = { metadata: { resourceVersion: "7", annotations: { "k8s.io/initial-events-end": "true" } } };

it("begins a watch with what there is, and resumes after its end has come", async () => {
  let streams = 0;
  await using watch = start(
    {
      stream: (_path, signal) =>
        (streams += 1) === 1 ? streamOf(["ADDED", item("a", "3")], ["BOOKMARK", end]) : quiet(signal),
    },
    { initialEvents: true },
  );
  await vi.waitFor(async () => {
    await watch.clock.advance(1_000);
    expect(streams).toBe(2);
  });
  expect(watch.told).toEqual(["listing", "seen a", "listed 7"]);
  expect(watch.api.calls[0]).toContain("sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
  expect(watch.api.calls[1]).toContain("resourceVersion=7");
});

it("begins anew when what there is did not come to its end", async () => {
  let streams = 0;
  await using watch = start(
    { stream: (_path, signal) => ((streams += 1) === 1 ? streamOf(["ADDED", item("a", "3")]) : quiet(signal)) },
    { initialEvents: true },
  );
  await vi.waitFor(async () => {
    await watch.clock.advance(1_000);
    expect(streams).toBe(2);
  });
  expect(watch.told).toEqual(["listing", "seen a", "listing"]);
  expect(watch.api.calls[1]).toContain("sendInitialEvents=true");
});

it.each([
  ["refuses to", () => refused(422, "Invalid")],
  ["does not know how to", quiet],
])("lists when a server %s begin with what there is", async (_how, answer) => {
  await using watch = start(
    {
      request: () => listOf("5", []),
      stream: (path, signal) => (path.includes("sendInitialEvents") ? answer(signal) : quiet(signal)),
    },
    { initialEvents: true },
  );
  await vi.waitFor(async () => {
    await watch.clock.advance(61_000);
    expect(watch.told).toContain("listed 5");
  });
  expect(asked(watch.api.calls, "WATCH").at(-1)).not.toContain("sendInitialEvents");
});

it("says that it has lost sight after four failures in a row, and lists when it is back", async () => {
  let up = true;
  await using watch = start({
    request: () => (up ? listOf("5", []) : refused(500)),
    stream: (_path, signal) => (up ? quiet(signal) : refused(500)),
  });
  await vi.waitFor(() => expect(asked(watch.api.calls, "WATCH")).toHaveLength(1));
  up = false;
  await vi.waitFor(async () => {
    await watch.clock.advance(60_000);
    expect(watch.told).toContain("lost");
  });
  up = true;
  await vi.waitFor(async () => {
    await watch.clock.advance(10_000);
    expect(watch.told.filter((line) => line === "listed 5")).toHaveLength(2);
  });
});

it("lists again when what a list says is not to be believed", async () => {
  let lists = 0;
  const doubtful = {
    request: () => listOf(String((lists += 1)), []),
    stream: (_: string, signal: AbortSignal) => quiet(signal),
  };
  await using watch = start(doubtful);
  await vi.waitFor(() => expect(watch.told).toContain("listed 1"));
  await using empty = start({ ...doubtful, request: () => answered({}) });
  await vi.waitFor(async () => {
    await empty.clock.advance(1_000);
    expect(empty.told.filter((line) => line === "interrupted api_unreachable").length).toBeGreaterThan(1);
  });
  expect(empty.told.some((line) => line.startsWith("listed"))).toBe(false);
});

it("ends at once when its list is answered after the end has come", async () => {
  const stop = new AbortController();
  const script: Script = {
    request: () => {
      stop.abort(new Error("the agent stops"));
      return listOf("5", []);
    },
    stream: (_path, signal) => quiet(signal),
  };
  const watch = start(script, {}, stop);
  await watch[Symbol.asyncDispose]();
  expect(watch.told).toEqual(["listing", "listed 5"]);
  expect(asked(watch.api.calls, "WATCH")).toEqual([]);
});
