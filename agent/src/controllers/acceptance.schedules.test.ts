import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FakeClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Assignment, Assignments, SignedAssignments, Tombstone } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { defaultSync } from "@drover/shared/sync-options";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";

import { systemDisk } from "../store/disk.ts";
import { openAcceptance, type Acceptance } from "./acceptance.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "drover-schedules-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const apps = ["shop", "blog", "mail"];
const common = { repository: "", commit: "", namespace: "", createNamespace: false, prune: true, seenAtMs: 0 };

function assignment(application: string, bundle: string): Assignment {
  return { ...common, application, bundle, syncRequest: 0, sync: defaultSync, confirmPrune: "" };
}

function tombstone(application: string): Tombstone {
  return { application, reason: "it left", detach: false, confirmPrune: "" };
}

/** What a hub says one after the other: all of it each time, and of what it has removed a tombstone from then on. */
function historyOf(steps: readonly { readonly app: string; readonly removed: boolean }[]): readonly Assignments[] {
  const named = new Map<string, Assignment | Tombstone>();
  return [{ app: "shop", removed: false }, ...steps].map(({ app, removed }, index) => {
    named.set(app, removed ? tombstone(app) : assignment(app, `bundle ${index}`));
    const all = [...named.values()];
    return {
      cluster: "c1",
      clusterUid: "",
      epoch: "e1",
      generation: index + 1,
      history: [],
      freshForMs: 0,
      issuedAtMs: 0,
      targets: all.filter((one) => "bundle" in one),
      tombstones: all.filter((one) => "reason" in one),
    };
  });
}

type Damage = "none" | "cut" | "forged";

function sign(assignments: Assignments, damage: Damage): SignedAssignments {
  const payload = new TextEncoder().encode(JSON.stringify(assignments));
  const whole = damage === "cut" ? payload.subarray(0, payload.length - 1) : payload;
  return { payload: whole, signature: new Uint8Array(), keyId: damage === "forged" ? "bad" : "good" };
}

function verify(signed: SignedAssignments): Assignments {
  if (signed.keyId !== "good") throw new DroverError("signature_invalid", "bad signature");
  return JSON.parse(new TextDecoder().decode(signed.payload)) as Assignments;
}

function open(path: string): Promise<Acceptance> {
  const outside = { clock: new FakeClock(), log: silentLog, changed: () => undefined, confirmed: () => undefined };
  const audience = () => ({ cluster: "c1", clusterUid: "u1" });
  return openAcceptance({ disk: systemDisk, path, audience, frozen: () => undefined, verify, ...outside });
}

const intents = (acceptance: Acceptance): unknown =>
  apps.map((app) => {
    const intent = acceptance.intent(app);
    return intent.kind === "run" ? intent.assignment.bundle : intent.kind;
  });

const steps = fc.array(fc.record({ app: fc.constantFrom(...apps), removed: fc.boolean() }), { maxLength: 8 });
const damage = fc.constantFrom<Damage>("none", "none", "none", "cut", "forged");
const deliveries = fc.array(fc.record({ index: fc.nat(), damage, restart: fc.boolean() }), { maxLength: 16 });

it("R19, E64: deliveries that are doubled, mixed up, cut and forged, over restarts, come to the newest that was whole", async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(steps, deliveries, async (list, schedule) => {
      const history = historyOf(list);
      const path = join(folder, `${(run += 1)}.json`);
      let acceptance = await open(path);
      let newest = 0;
      for (const { index, damage: how, restart } of schedule) {
        const sent = history[index % history.length];
        if (sent === undefined) throw new Error("there is no such envelope");
        if (restart) acceptance = await open(path);
        const { refusal } = await acceptance.accept(sign(sent, how));
        const isTaken = how === "none" && sent.generation >= newest;
        expect(refusal === undefined).toBe(isTaken);
        if (isTaken) newest = sent.generation;
        expect(acceptance.generation).toBe(newest);
      }
      const direct = await open(join(folder, `${run}-direct.json`));
      const last = history[newest - 1];
      if (last !== undefined) await direct.accept(sign(last, "none"));
      expect(intents(acceptance)).toEqual(intents(direct));
    }),
    { numRuns: 60 },
  );
});
