import { FakeClock } from "@drover/shared/clock";
import { expect, onTestFinished, test } from "vitest";

import { createPoller, type PolledSource, type Poller } from "./poller.ts";

const source = (name: string, intervalMs = 60_000): PolledSource => ({
  name,
  url: "https://git.example/a",
  intervalMs,
});

function start(sources: readonly PolledSource[], random = 0.5): { poller: Poller; clock: FakeClock; due: string[] } {
  const clock = new FakeClock();
  const due: string[] = [];
  const poller = createPoller({ clock, random: () => random, onDue: (name) => due.push(name) });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  poller.watch(sources);
  void poller.run(stop.signal);
  return { poller, clock, due };
}

test("looks at a new source at once and then at its interval", async () => {
  const { clock, due } = start([source("a")]);
  expect(due).toEqual(["a"]);
  await clock.advance(59_000);
  expect(due).toEqual(["a"]);
  await clock.advance(1000);
  expect(due).toEqual(["a", "a"]);
});

test("spreads polls by a fifth in both directions", async () => {
  const early = start([source("a")], 0);
  await early.clock.advance(48_000);
  expect(early.due).toHaveLength(2);
  const late = start([source("a")], 0.999);
  await late.clock.advance(71_000);
  expect(late.due).toHaveLength(1);
});

test("E1: backs off from a source that fails, up to ten minutes, and comes back after a success", async () => {
  const { poller, clock, due } = start([source("a")]);
  poller.fetched("a", false);
  await clock.advance(119_000);
  expect(due).toHaveLength(1);
  await clock.advance(1000);
  expect(due).toHaveLength(2);
  for (let failure = 0; failure < 20; failure += 1) poller.fetched("a", false);
  await clock.advance(600_000);
  expect(due).toHaveLength(3);
  poller.fetched("a", true);
  await clock.advance(60_000);
  expect(due).toHaveLength(4);
});

test("one source that fails slows down no other", async () => {
  const { poller, clock, due } = start([source("a"), source("b")]);
  poller.fetched("a", false);
  await clock.advance(60_000);
  expect(due).toEqual(["a", "b", "b"]);
});

test("a hint is due at once and starts the interval anew", async () => {
  const { poller, clock, due } = start([source("a")]);
  await clock.advance(50_000);
  poller.hint("a");
  expect(due).toHaveLength(2);
  await clock.advance(59_000);
  expect(due).toHaveLength(2);
  poller.hint("unknown");
  expect(due).toHaveLength(2);
});

test("forgets removed sources and looks at once at changed ones only", async () => {
  const { poller, clock, due } = start([source("a"), source("b"), source("c")]);
  poller.watch([source("b"), source("c", 10_000)]);
  expect(due).toEqual(["a", "b", "c", "c"]);
  await clock.advance(60_000);
  expect(due.filter((name) => name === "a")).toHaveLength(1);
  expect(due.filter((name) => name === "b")).toHaveLength(2);
});

test("E7: looks at once when a webhook comes, once more for all that follow, and then at its interval", async () => {
  const { poller, clock, due } = start([source("a"), source("b", 600_000)]);
  for (let delivery = 0; delivery < 500; delivery += 1) poller.webhook("a");
  expect(due).toEqual(["a", "b", "a"]);
  await clock.advance(999);
  expect(due).toHaveLength(3);
  await clock.advance(1);
  expect(due).toEqual(["a", "b", "a", "a"]);
  await clock.advance(59_000);
  expect(due).toHaveLength(4);
  await clock.advance(1000);
  expect(due).toHaveLength(5);
});

test("a webhook for a source that has gone, or went while it waited, does nothing", async () => {
  const { poller, clock, due } = start([source("a")]);
  poller.webhook("b");
  poller.webhook("a");
  poller.webhook("a");
  poller.watch([]);
  await clock.advance(60_000);
  expect(due).toEqual(["a", "a"]);
});
