import { canonicalJson } from "@drover/shared/digest";

import type { TargetRecord } from "./target.ts";

/** A target as Git wants it, before the hub has decided anything. */
export type DesiredTarget = Omit<
  TargetRecord,
  "syncRequest" | "confirmPrune" | "signatures" | "assignedAtMs" | "removal"
>;

export interface Plan {
  /** Records to write: new, changed, coming back, or to be removed. */
  readonly put: readonly TargetRecord[];
  readonly changes: readonly PlannedChange[];
}

export interface PlannedChange {
  readonly kind: "add" | "change" | "remove";
  readonly app: string;
  readonly cluster: string;
}

/**
 * The changes between what is assigned and what is desired. An assigned target that is not desired gets a reason for its
 * removal; it is never simply dropped. Planning again after writing `put` gives nothing.
 */
export function plan(
  desired: readonly DesiredTarget[],
  assigned: readonly TargetRecord[],
  decide: { readonly now: number; readonly removal: (record: TargetRecord) => string },
): Plan {
  const before = new Map(assigned.map((record) => [record.cluster, record]));
  const put: TargetRecord[] = [];
  const changes: PlannedChange[] = [];
  for (const target of desired) {
    const record = before.get(target.cluster);
    before.delete(target.cluster);
    if (record !== undefined && !differs(target, record)) continue;
    const { syncRequest = 0, confirmPrune = "" } = record ?? {};
    put.push({
      ...target,
      syncRequest,
      confirmPrune,
      ...signedOf(target, record),
      assignedAtMs: decide.now,
      removal: "",
    });
    const kind = record === undefined || record.removal !== "" ? "add" : "change";
    changes.push({ kind, app: target.app, cluster: target.cluster });
  }
  for (const record of before.values()) {
    if (record.removal !== "") continue;
    put.push({ ...record, assignedAtMs: decide.now, removal: decide.removal(record) });
    changes.push({ kind: "remove", app: record.app, cluster: record.cluster });
  }
  return { put, changes };
}

/** What was signed of another bundle says nothing of this one. */
function signedOf({ bundle }: DesiredTarget, record: TargetRecord | undefined): Pick<TargetRecord, "signatures"> {
  return record?.signatures === undefined || record.bundle !== bundle ? {} : { signatures: record.signatures };
}

/** Thousands of clusters share a few values, which are never changed in place. */
const texts = new WeakMap<object, string>();

function textOf(value: object): string {
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = canonicalJson(value);
  texts.set(value, text);
  return text;
}

/** A commit that leaves the bundle as it is changes nothing for the cluster. */
function differs(target: DesiredTarget, record: TargetRecord): boolean {
  return (
    record.removal !== "" ||
    record.bundle !== target.bundle ||
    record.namespace !== target.namespace ||
    record.createNamespace !== target.createNamespace ||
    record.prune !== target.prune ||
    record.deletion !== target.deletion ||
    (record.sync !== target.sync && textOf(record.sync) !== textOf(target.sync)) ||
    record.declaredIn.join() !== target.declaredIn.join()
  );
}
