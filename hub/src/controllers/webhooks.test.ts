import { FakeClock } from "@drover/shared/clock";
import { createMetrics } from "@drover/shared/metrics";
import { expect, test } from "vitest";

import { sourceDefaults, type SourceRecord } from "../store/store.ts";
import { createWebhooks } from "./webhooks.ts";

const webhook = { forge: "gitlab", secret: "s3cret" } as const;
const record = (name: string): SourceRecord => ({ ...sourceDefaults, name, url: "" });

function start() {
  const sources = new Map<string, SourceRecord>([
    ["a", { ...record("a"), webhook }],
    ["b", { ...record("b"), webhook }],
    ["bare", record("bare")],
  ]);
  const clock = new FakeClock(1_780_000_000_000);
  const metrics = createMetrics();
  const told: string[] = [];
  const hinted: string[] = [];
  const receive = createWebhooks({
    store: { source: (name) => sources.get(name) },
    events: { append: ({ message }) => void told.push(message) },
    metrics,
    clock,
    hint: (name) => void hinted.push(name),
  });
  const deliver = (name: string, token: string): boolean => receive(name, { "x-gitlab-token": token }).end();
  return { clock, metrics, told, hinted, receive, deliver };
}

test("a proved delivery hints at its source and no other", () => {
  const { deliver, hinted, told } = start();
  expect(deliver("a", "s3cret")).toBe(true);
  expect([hinted, told]).toEqual([["a"], []]);
});

test("nothing is hinted at by what is not proved, or is for no webhook", () => {
  const { deliver, hinted } = start();
  expect([deliver("a", "other"), deliver("bare", "s3cret"), deliver("c", "s3cret"), deliver("bare", "")]).toEqual(
    Array.from({ length: 4 }, () => false),
  );
  expect(hinted).toEqual([]);
});

test("E7: a flood of forged deliveries is told once a minute for each source, and once for all that are none", async () => {
  const { deliver, told, clock } = start();
  for (let n = 0; n < 1000; n += 1) for (const name of ["a", "b", `none-${n}`, "bare"]) deliver(name, "forged\nline");
  expect(told).toEqual([
    "a webhook delivery for source a was refused: its x-gitlab-token was not made with the secret that drover source webhook prints",
    "a webhook delivery for source b was refused: its x-gitlab-token was not made with the secret that drover source webhook prints",
    "a webhook delivery was refused: it is for no source that has a webhook",
  ]);
  await clock.advance(60_000);
  deliver("a", "");
  expect(told[3]).toMatch(/^a webhook delivery for source a .* \(and 999 before it\)$/u);
});

test("deliveries are counted by what became of them, under no name", () => {
  const { deliver, receive, metrics } = start();
  deliver("a", "s3cret");
  deliver("none", "s3cret");
  receive("a", {}).end();
  receive("a", {}).drop();
  expect(
    metrics
      .render()
      .split("\n")
      .filter((line) => line.startsWith("drover_webhooks_total")),
  ).toEqual([
    'drover_webhooks_total{result="ok"} 1',
    'drover_webhooks_total{result="unsigned"} 2',
    'drover_webhooks_total{result="dropped"} 1',
  ]);
});
