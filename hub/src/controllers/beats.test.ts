import { FakeClock } from "@drover/shared/clock";
import { noFacts, type Beat, type Hello, type HubMessage } from "@drover/shared/link/link";
import { afterEach, expect, it } from "vitest";

import { createBeats } from "./beats.ts";

let stop = new AbortController();
afterEach(() => stop.abort());

const hello: Hello = { ...noFacts, clusterUid: "", epoch: "", generation: 0 };

function begin(count: number, aheadOnes: readonly string[] = []) {
  stop = new AbortController();
  const clock = new FakeClock(1_000_000);
  const beats: Beat[] = [];
  const names = Array.from({ length: count }, (_, index) => `c${index}`);
  const connections = new Map(names.map((name) => [name, { hello, sinceMs: 0, refusal: undefined }]));
  const ahead = new Set(aheadOnes);
  const deps = {
    store: { era: { epoch: "e1" }, cluster: (name: string) => ({ uid: `uid-${name}`, generation: 7 }) },
    world: { connections, aheadOf: (name: string) => (ahead.has(name) ? "ahead" : "") },
    link: { send: (_cluster: string, _message: HubMessage) => true },
    signBeat: (beat: Beat) => {
      beats.push(beat);
      return { payload: new Uint8Array(), signature: new Uint8Array(), keyId: "" };
    },
    clock,
  };
  const made = createBeats(deps as unknown as Parameters<typeof createBeats>[0]);
  void made.service.run(stop.signal);
  return { clock, beats, connections, made };
}

const times = async (count: number, step: () => Promise<void>): Promise<void> => {
  for (let round = 0; round < count; round += 1) await step();
};

it("tells each connected cluster once a minute which generation is its newest", async () => {
  const { clock, beats, connections, made } = begin(3, ["c1"]);
  await times(180, () => clock.advance(1_000));
  const of = (name: string) => beats.filter(({ cluster }) => cluster === name);
  expect(of("c0").length).toBeGreaterThanOrEqual(3);
  expect(of("c0").length).toBeLessThanOrEqual(4);
  expect(of("c0")[0]).toMatchObject({ clusterUid: "uid-c0", epoch: "e1", generation: 7 });
  // Nothing to one that knows more than this hub.
  expect(of("c1")).toEqual([]);
  connections.delete("c2");
  const before = of("c2").length;
  made.send("c2");
  await times(120, () => clock.advance(1_000));
  expect(of("c2")).toHaveLength(before);
});

it("spreads the beats of a fleet that came at once", async () => {
  const { clock, beats } = begin(2_000);
  await clock.advance(0);
  expect(beats.length).toBeLessThanOrEqual(500);
  await times(5, () => clock.advance(1_000));
  expect(new Set(beats.map(({ cluster }) => cluster)).size).toBe(2_000);
});
