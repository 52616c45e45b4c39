import { expect } from "vitest";

import { digestOf } from "../digest.ts";
import type { AgentLink, HubLink, HubMessage, Report } from "./link.ts";
import { AgentRecorder, HubRecorder } from "./recorders.contract.ts";

/** What the contract needs of an implementation: a hub, agents, and wires between them that can be broken. */
export interface LinkWorld extends AsyncDisposable {
  /** Starts the hub's end; again after `stop`, at the same address and with the same authority. */
  startHub(handler: HubRecorder): Promise<Running<HubLink>>;
  /** Starts an agent with an identity of this cluster, on a wire of its own. */
  startAgent(cluster: string, handler: AgentRecorder, credential?: Credential): Promise<RunningAgent>;
}

export interface Running<L> {
  readonly link: L;
  stop(): Promise<void>;
}

export interface RunningAgent extends Running<AgentLink> {
  readonly wire: Wire;
}

export interface Wire {
  /** Resets every connection and every new one. */
  cut(): void;
  /** Lets nothing through while every connection stays open. */
  stall(): void;
  /** Lets nothing through on the connections of now, which stay open; new ones flow. */
  strand(): void;
  resume(): void;
  /** How many connections were opened so far. */
  accepted(): number;
}

/** `foreign`: for the same name, signed by another authority. `expired`: ran out a minute ago. */
export type Credential = "valid" | "foreign" | "expired";

export type CreateWorld = () => Promise<LinkWorld>;

export const patience = { timeout: 15_000, interval: 10 };
/** For what a world has to notice by itself, without a closed connection to tell it. */
export const silencePatience = { timeout: 15_000, interval: 10 };

interface Pair extends AsyncDisposable {
  readonly world: LinkWorld;
  readonly hub: HubRecorder;
  readonly agent: AgentRecorder;
  readonly hubEnd: Running<HubLink>;
  readonly agentEnd: RunningAgent;
}

/** A hub, and one agent of the cluster dev-1 that is connected. */
export async function connectPair(createWorld: CreateWorld): Promise<Pair> {
  const world = await createWorld();
  const hub = new HubRecorder();
  const agent = new AgentRecorder();
  const hubEnd = await world.startHub(hub);
  const agentEnd = await world.startAgent("dev-1", agent);
  await expect.poll(() => agent.connections, patience).toBe(1);
  return { world, hub, agent, hubEnd, agentEnd, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

/** Lets the links do what they can do without waiting. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export function assignments(
  generation: number,
  payloadBytes = 4,
): Extract<HubMessage, { readonly kind: "assignments" }> {
  const payload = Buffer.alloc(payloadBytes);
  payload.writeUInt32BE(generation);
  return { kind: "assignments", signed: { payload, signature: Buffer.alloc(64, 1), keyId: "k1" } };
}

export function generationOf(message: HubMessage | undefined): number {
  return message?.kind === "assignments" ? Buffer.from(message.signed.payload).readUInt32BE() : -1;
}

/** Without the difference between Buffer and Uint8Array. */
export function plain(message: HubMessage): unknown {
  if (message.kind !== "assignments") return message;
  const { payload, signature, keyId } = message.signed;
  return { payload: Buffer.from(payload).toString("hex"), signature: Buffer.from(signature).toString("hex"), keyId };
}

export function report(application: string, sequence: number): Report {
  return {
    application,
    sequence,
    epoch: "e1",
    generation: 1,
    bundle: digestOf("bundle"),
    applied: "",
    commit: "c0ffee",
    phase: "applying",
    health: "Progressing",
    reason: "",
    message: "",
    objects: [],
    receivedAtMs: 1_000,
    appliedAtMs: 0,
  };
}
