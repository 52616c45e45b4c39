import { formatObjectKey } from "@drover/shared/kube/manifest";

import { definedGroup, isNamespace, isWorkload } from "./kinds.ts";
import type { ApplicationRecord, ObjectRecord } from "./record.ts";
import { groupByStage } from "./stages.ts";

/** What becomes of an object for now, once prune has come to it. */
export type PruneStep = "gone" | "deleting" | "stays";

/** The order of deletion: what depends on others goes before them (E54). */
export interface PruneOrder {
  /** Groups to be taken one after the other; the objects of one need nothing of each other. */
  readonly groups: readonly (readonly ObjectRecord[])[];
  /** The object whose end this one has to wait for; undefined when it may go. */
  waitsFor(record: ObjectRecord): ObjectRecord | undefined;
  /** Takes in what became of an object. */
  note(record: ObjectRecord, step: PruneStep): void;
}

/**
 * The reverse of the order of applying. `running` are hooks that are still to be run, and whose place has to stay. An
 * object whose deletion was accepted holds nobody up (case 47), except:
 * - a namespace waits until what left it is gone, and a definition until the objects of its group are;
 * - what a workload needs stays for as long as the workload does;
 * - what custom resources may need stays until they are gone when their definition is the application's own: whoever
 *   takes their finalizers off is then most likely part of the application too.
 */
export function createPruneOrder(
  application: ApplicationRecord,
  leaving: readonly ObjectRecord[],
  running: readonly ObjectRecord[],
): PruneOrder {
  const ownGroups = new Set([...application.objects.values()].map(({ key }) => definedGroup(key)));
  ownGroups.delete("");
  const present = new Set([...leaving, ...running]);
  /** By namespace, "" = cluster-scoped: one whose needs have to stay. */
  const keepers = new Map<string, ObjectRecord>();
  const find = (test: (record: ObjectRecord) => boolean): ObjectRecord | undefined => {
    for (const record of present) if (test(record)) return record;
    return undefined;
  };
  return {
    groups: groupByStage(leaving, (record) => record.key).toReversed(),
    waitsFor(record) {
      const { key } = record;
      if (isNamespace(key)) return find((other) => other !== record && other.key.namespace === key.name);
      const group = definedGroup(key);
      if (group !== "") return find((other) => other !== record && other.key.group === group);
      if (key.namespace === "") return keepers.values().next().value;
      return keepers.get(key.namespace) ?? keepers.get("");
    },
    note(record, step) {
      if (step === "gone") present.delete(record);
      const custom = ownGroups.has(record.key.group);
      const keeps = step === "stays" ? custom || isWorkload(record.key) : step === "deleting" && custom;
      if (keeps && !keepers.has(record.key.namespace)) keepers.set(record.key.namespace, record);
    },
  };
}

export function describeWait({ key }: ObjectRecord): string {
  return `${formatObjectKey(key)} has to be gone first`;
}
