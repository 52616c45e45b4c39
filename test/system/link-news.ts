import { digestOf } from "@drover/shared/digest";
import type { Assignments, HubLink, HubMessage } from "@drover/shared/link/link";
import { signAssignments, signBeat, verifyAssignments, verifyBeat } from "@drover/shared/trust/envelope";
import { createSigningKey, readVerifyKey } from "@drover/shared/trust/signing-key";
import { expect } from "vitest";

import { mulberry32 } from "../rig/random.ts";

/** A number below the given one. */
export type Draw = (below: number) => number;

/** The same numbers on each machine, so that a failure can be had again. */
export function seeded(seed: number): Draw {
  const random = mulberry32(seed);
  return (below) => Math.floor(random() * below);
}

const hubKey = createSigningKey();
const keys = new Map([readVerifyKey(hubKey.id, hubKey.publicPem)]);

export function assignmentsOf(cluster: string, generation: number): Assignments {
  const common = { clusterUid: "", epoch: "e1", history: [digestOf(`${cluster} ${generation}`)], issuedAtMs: 0 };
  return { cluster, generation, ...common, freshForMs: 0, targets: [], tombstones: [] };
}

/** Says to a cluster what it is to run, and that this is the newest. */
export function sayNews(link: Pick<HubLink, "send">, cluster: string, generation: number): void {
  link.send(cluster, { kind: "assignments", signed: signAssignments(assignmentsOf(cluster, generation), hubKey) });
  const beat = { cluster, clusterUid: "", epoch: "e1", generation, sentAtMs: generation };
  link.send(cluster, { kind: "beat", signed: signBeat(beat, hubKey) });
}

/** What an agent was told, in order. Throws for what its hub has not said, or has said to another. */
export function generationsOf(cluster: string, messages: readonly HubMessage[]): readonly number[] {
  return messages.map((message) => {
    if (message.kind === "inspect") throw new Error("nobody asked anything");
    const said = message.kind === "beat" ? verifyBeat(message.signed, keys) : verifyAssignments(message.signed, keys);
    expect(said.cluster).toBe(cluster);
    return said.generation;
  });
}
