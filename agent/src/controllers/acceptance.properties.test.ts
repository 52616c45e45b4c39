import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FakeClock } from "@drover/shared/clock";
import { digestOf } from "@drover/shared/digest";
import type { Assignments, SignedAssignments } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { defaultSync } from "@drover/shared/sync-options";
import { signAssignments, signBeat, verifyAssignments } from "@drover/shared/trust/envelope";
import { createSigningKey, readVerifyKey } from "@drover/shared/trust/signing-key";
import fc from "fast-check";
import { expect, it } from "vitest";

import { systemDisk } from "../store/disk.ts";
import { openAcceptance, type Acceptance } from "./acceptance.ts";

const hub = createSigningKey();
const stranger = createSigningKey();
const keys = new Map([readVerifyKey(hub.id, hub.publicPem)]);
const audience = { cluster: "c1", clusterUid: "u1" };

/** What a hub that counts on honestly has issued, and what everybody else may make of it. */
type Step =
  /** The hub issues the next generation, and it arrives. */
  | { readonly kind: "news"; readonly skip: number }
  /** The hub's store was restored: it begins an epoch. */
  | { readonly kind: "epoch" }
  /** Something genuine arrives again. */
  | { readonly kind: "replay"; readonly at: number }
  | { readonly kind: "forge"; readonly how: (typeof forgeries)[number] }
  /** A bit of something genuine is another one. */
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "restart" };

const forgeries = [
  "foreign name",
  "foreign uid",
  "other content",
  "jump",
  "end of numbers",
  "other history",
  "before the epoch",
  "stranger",
  "stranger under the hub's id",
  "unsigned",
  "a beat",
] as const;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("news" as const), skip: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "epoch" as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("replay" as const), at: fc.nat(50) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("forge" as const), how: fc.constantFrom(...forgeries) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("flip" as const), at: fc.nat(50), bit: fc.nat(20_000) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);

function target(content: string): Assignments["targets"][number] {
  const fields = { repository: "", commit: "", namespace: "", createNamespace: false, prune: true, seenAtMs: 0 };
  return {
    application: "shop",
    bundle: digestOf(content),
    syncRequest: 0,
    sync: defaultSync,
    confirmPrune: "",
    ...fields,
  };
}

class World {
  readonly clock = new FakeClock(1_000_000_000);
  readonly sent: { readonly signed: SignedAssignments; readonly epoch: number; readonly generation: number }[] = [];
  epoch = 1;
  generation = 0;
  history: readonly string[] = [];

  whole(change: Partial<Assignments> = {}): Assignments {
    return {
      ...audience,
      epoch: `e${this.epoch}`,
      generation: this.generation,
      history: this.history,
      issuedAtMs: this.clock.now(),
      freshForMs: 0,
      targets: [target(`${this.epoch}/${this.generation}`)],
      tombstones: [],
      ...change,
    };
  }

  /** The next genuine envelope. */
  issue(): SignedAssignments {
    this.generation += 1;
    this.history = [digestOf(`${this.epoch}/${this.generation}`), ...this.history].slice(0, 8);
    const signed = signAssignments(this.whole(), hub);
    this.sent.push({ signed, epoch: this.epoch, generation: this.generation });
    return signed;
  }

  forge(how: (typeof forgeries)[number]): SignedAssignments {
    const next = {
      generation: this.generation + 1,
      history: [digestOf("next"), ...this.history],
      targets: [target("evil")],
    };
    switch (how) {
      case "foreign name":
        return signAssignments(this.whole({ ...next, cluster: "c2" }), hub);
      case "foreign uid":
        return signAssignments(this.whole({ ...next, clusterUid: "u2" }), hub);
      case "other content":
        return signAssignments(this.whole({ targets: [target("evil")] }), hub);
      case "jump":
        return signAssignments(this.whole({ ...next, generation: this.generation + 1_000_001, history: [] }), hub);
      case "end of numbers":
        return signAssignments(this.whole({ ...next, generation: 2 ** 53, history: [] }), hub);
      case "other history":
        return signAssignments(this.whole({ ...next, history: [digestOf("x"), digestOf("y"), digestOf("z")] }), hub);
      case "before the epoch":
        return signAssignments(this.whole({ ...next, epoch: "e0", issuedAtMs: 0 }), hub);
      case "stranger":
        return signAssignments(this.whole(next), stranger);
      case "stranger under the hub's id":
        return { ...signAssignments(this.whole(next), stranger), keyId: hub.id };
      case "unsigned":
        return { ...signAssignments(this.whole(next), hub), signature: new Uint8Array(64) };
      case "a beat": {
        const { epoch, generation } = this.whole(next);
        return signBeat({ ...audience, epoch, generation, sentAtMs: this.clock.now() }, hub);
      }
    }
  }
}

function flipped({ payload, signature, keyId }: SignedAssignments, bit: number): SignedAssignments {
  const bytes = Buffer.concat([payload, signature]);
  const at = bit % (bytes.length * 8);
  bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
  return { payload: bytes.subarray(0, payload.length), signature: bytes.subarray(payload.length), keyId };
}

function open(folder: string, clock: FakeClock): Promise<Acceptance> {
  return openAcceptance({
    disk: systemDisk,
    path: join(folder, "accepted.json"),
    audience: () => audience,
    verify: (signed) => verifyAssignments(signed, keys),
    frozen: () => undefined,
    clock,
    log: silentLog,
    changed: () => undefined,
    confirmed: () => undefined,
  });
}

function bundleOf(acceptance: Acceptance): string {
  const intent = acceptance.intent("shop");
  return "assignment" in intent ? intent.assignment.bundle : "";
}

it("T30, R3, R19, E64: whatever arrives in whatever order, over restarts, what an agent holds only moves forward, and is genuine", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const folder = await mkdtemp(join(tmpdir(), "drover-t30-"));
      try {
        await play(steps, folder);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

/** What the agent holds: the epoch and the generation that it has accepted. */
interface Held {
  readonly epoch: number;
  readonly generation: number;
}

async function play(steps: readonly Step[], folder: string): Promise<void> {
  const world = new World();
  let acceptance = await open(folder, world.clock);
  let held: Held = { epoch: 0, generation: 0 };
  for (const one of steps) {
    await world.clock.advance(60_000);
    const before = held;
    if (one.kind === "restart") acceptance = await open(folder, world.clock);
    else held = await playOne(one, { world, acceptance, held });
    expectHeld(acceptance, held);
    expect(held.epoch > before.epoch || (held.epoch === before.epoch && held.generation >= before.generation)).toBe(
      true,
    );
  }
}

function expectHeld(acceptance: Acceptance, { epoch, generation }: Held): void {
  expect(acceptance.generation).toBe(generation);
  expect(acceptance.epoch).toBe(epoch === 0 ? "" : `e${epoch}`);
  expect(bundleOf(acceptance)).toBe(generation === 0 ? "" : digestOf(`${epoch}/${generation}`));
}

interface Playing {
  readonly world: World;
  readonly acceptance: Acceptance;
  readonly held: Held;
}

/** What the model says that the agent holds afterwards. */
async function playOne(one: Exclude<Step, { readonly kind: "restart" }>, { world, acceptance, held }: Playing) {
  switch (one.kind) {
    case "news":
      for (let skipped = 0; skipped < one.skip; skipped += 1) world.issue();
      expect((await acceptance.accept(world.issue())).refusal).toBeUndefined();
      return { epoch: world.epoch, generation: world.generation };
    case "epoch":
      world.epoch += 1;
      world.generation = 0;
      return held;
    case "replay": {
      const sent = world.sent[one.at % Math.max(1, world.sent.length)];
      if (sent === undefined) return held;
      const isNewer = sent.epoch === held.epoch ? sent.generation >= held.generation : sent.epoch > held.epoch;
      expect((await acceptance.accept(sent.signed)).refusal === undefined).toBe(isNewer);
      return isNewer ? { epoch: sent.epoch, generation: sent.generation } : held;
    }
    case "forge":
      if (!means(one.how, { world, held })) return held;
      expect((await acceptance.accept(world.forge(one.how))).refusal).toBeDefined();
      return held;
    case "flip": {
      const sent = world.sent[one.at % Math.max(1, world.sent.length)];
      if (sent === undefined) return held;
      expect((await acceptance.accept(flipped(sent.signed, one.bit))).refusal?.code).toBe("signature_invalid");
      return held;
    }
  }
}

/** Some forgeries are only against what was accepted. */
function means(how: (typeof forgeries)[number], { world, held }: Omit<Playing, "acceptance">): boolean {
  if (how === "before the epoch") return held.epoch !== 0;
  const isAtEnd = held.epoch === world.epoch && held.generation === world.generation && held.generation > 0;
  return isAtEnd || (how !== "other content" && how !== "other history" && how !== "jump");
}
