import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { diffObjects, maxChanges, type FieldChange } from "@drover/shared/kube/diff";
import { formatFieldPath } from "@drover/shared/kube/field-path";
import type { KubeObject } from "@drover/shared/kube/manifest";
import type { AdoptPolicy } from "@drover/shared/sync-options";

import { applicationLabel, isOwnedBy, ownerLabel, ownersOf, type Owner } from "./owner.ts";

/** What is known about an object that is there although our apply did not make it. */
export interface Encounter {
  readonly live: JsonRecord;
  readonly payload: KubeObject;
  readonly owner: Owner;
  readonly policy: AdoptPolicy;
  /** uid that the inventory has for it; "" = the application never had it. */
  readonly uid: string;
  /**
   * What the application of this agent that the object is marked as belonging to says: it gives it away, keeps it, or
   * knows nothing of it. undefined when the mark is of no application of this agent.
   */
  readonly marked: "leaves" | "keeps" | "unclaimed" | undefined;
}

export type Judgement =
  | { readonly kind: "ours" }
  /** With the fields that get another value, and who had them. */
  | { readonly kind: "adopt"; readonly changes: readonly FieldChange[] }
  | { readonly kind: "refuse"; readonly message: string };

/** Whether an object that exists may become the application's (E45, case 62). */
export function judgeAdoption(encounter: Encounter): Judgement {
  const { live, payload, owner, policy, uid, marked } = encounter;
  if (isOwnedBy(live, owner, uid) || (uid !== "" && textAt(live, "metadata", "uid") === uid)) return { kind: "ours" };
  const compared = diffObjects(payload, live);
  const changes = compared.filter((change) => change.live !== undefined && !isMark(change));
  if (policy === "always" || marked === "leaves") return { kind: "adopt", changes };
  const other = ownersOf(live);
  if (marked === "keeps" || (marked === undefined && (other.application !== "" || other.id !== ""))) {
    return refuse(`${nameOwner(other)} has it`);
  }
  // Somebody made an object of ours anew: that is drift, and repaired.
  if (uid !== "") return { kind: "adopt", changes };
  if (policy === "never") return refuse(`it exists already, ${describeManagers(live)}`);
  if (changes.length === 0 && compared.length < maxChanges) return { kind: "adopt", changes };
  const paths = changes.map(({ path }) => formatFieldPath(path));
  const shown = paths.slice(0, 5).join(", ") + (paths.length > 5 ? ` and ${paths.length - 5} more` : "");
  return refuse(`it exists already, ${describeManagers(live)}, and differs in ${shown}`);
}

function refuse(why: string): Judgement {
  return { kind: "refuse", message: `${why}; set sync.adopt: always to take it over` };
}

function nameOwner({ application, id }: Owner): string {
  const name = application === "" ? "an application" : `application "${application}"`;
  return id === "" ? `${name} of a Drover agent` : `${name} of another Drover agent (owner ${id})`;
}

/** Changes of our own marks say nothing: their owner is judged apart. */
function isMark({ path }: FieldChange): boolean {
  const [first, second, third] = path.map((segment) => (segment.kind === "field" ? segment.name : ""));
  return first === "metadata" && second === "labels" && (third === applicationLabel || third === ownerLabel);
}

function describeManagers(live: JsonRecord): string {
  const names = recordsAt(live, "metadata", "managedFields").map((entry) => textAt(entry, "manager") ?? "");
  const known = [...new Set(names)].filter((name) => name !== "").map((name) => `"${name}"`);
  return known.length === 0 ? "made by somebody unknown" : `written by ${known.slice(0, 5).join(", ")}`;
}
