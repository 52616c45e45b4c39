import type { Clock } from "@drover/shared/clock";
import type { JsonRecord } from "@drover/shared/json";
import type { ObjectKey } from "@drover/shared/kube/manifest";
import type { Fingerprint } from "@drover/shared/kube/redact";
import type { AgentLink } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";
import type { Random } from "@drover/shared/retry";

import type { Verdict } from "../core/health/verdict.ts";
import type { Owner } from "../core/owner.ts";
import type { ApplicationRecord, ObjectRecord } from "../core/record.ts";
import type { KubeApi } from "../kube/api.ts";
import type { Discovery } from "../kube/discovery.ts";
import type { Blobs } from "../store/blobs.ts";
import type { Inventory } from "../store/inventory.ts";
import type { Acceptance } from "./acceptance.ts";
import type { Accounts } from "./accounts.ts";
import type { Bounds } from "./bounds.ts";
import type { Limit } from "./limit.ts";
import type { State } from "./state.ts";

/** Health of a live object of an application. */
export type Assess = (application: string, record: ObjectRecord, object: JsonRecord) => Verdict;

/** What the steps of applying an application share. */
export interface Context {
  /** With the agent's own rights; see `actingFor`. */
  readonly kube: KubeApi;
  readonly discovery: Discovery;
  readonly blobs: Blobs;
  readonly inventory: Inventory;
  readonly state: State;
  /** An application of this agent as the owner of objects in this cluster. */
  readonly ownerOf: (application: string) => Owner;
  /** Whether an object is part of this agent: see `core/self`. */
  readonly isOwnPart: (key: ObjectKey) => boolean;
  /** Which applications there are to be, and with which bundles. */
  readonly acceptance: Pick<Acceptance, "intent" | "names">;
  readonly bounds: Bounds;
  readonly fetchBlobs: AgentLink["fetchBlobs"];
  /** Bounds the writes of the whole agent, whatever number of applications is under way. */
  readonly limit: Limit;
  /** Stands for values that must not leave this cluster. */
  readonly fingerprint: Fingerprint;
  readonly assess: Assess;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly accounts: Pick<Accounts, "assume" | "hindranceOf" | "kubeFor">;
  /** Has an application reconciled. */
  readonly wake: (application: string) => void;
  /** What happened to a record while a write was under way, now that the write has ended. */
  readonly replayEcho: (application: string, id: string) => void;
}

/** The same with the rights of one application: everything that is read or written for it goes through here. */
export function actingFor<T extends Acting>(context: T, application: ApplicationRecord): T {
  return { ...context, kube: context.accounts.kubeFor(application) };
}

interface Acting extends Pick<Context, "kube"> {
  readonly accounts: Pick<Accounts, "kubeFor">;
}
