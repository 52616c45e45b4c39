import type { TreeNode } from "@drover/shared/api/types";
import type { JsonRecord } from "@drover/shared/json";
import { formatObjectKey, type ObjectKey } from "@drover/shared/kube/manifest";

import { assess } from "./health/index.ts";
import type { ObjectRecord } from "./record.ts";

/** An object that something in the cluster made. */
export interface LiveObject {
  readonly key: ObjectKey;
  readonly uid: string;
  /** uids of the objects that it belongs to. */
  readonly owners: readonly string[];
  readonly object: JsonRecord;
}

/** Deeper than any chain of Kubernetes' own (CronJob, Job, Pod); ends a loop of owners. */
const maxDepth = 8;

/** The objects of an application, and under each what its controllers made of it. */
export function buildTree(records: readonly ObjectRecord[], live: readonly LiveObject[]): readonly TreeNode[] {
  const byOwner = new Map<string, LiveObject[]>();
  for (const object of live) {
    for (const owner of object.owners) {
      const siblings = byOwner.get(owner) ?? [];
      siblings.push(object);
      byOwner.set(owner, siblings);
    }
  }
  const childrenOf = (uid: string, depth: number): readonly TreeNode[] =>
    (depth > maxDepth || uid === "" ? [] : (byOwner.get(uid) ?? [])).map((child) => {
      const { health, reason, message } = assess(child.key, child.object);
      const children = childrenOf(child.uid, depth + 1);
      return { object: formatObjectKey(child.key), health, reason, message, children };
    });
  return records
    .map((record) => ({
      object: formatObjectKey(record.key),
      health: record.verdict.health,
      reason: (record.obstacle ?? record.cause ?? record.verdict).reason,
      message: (record.obstacle ?? record.cause ?? record.verdict).message,
      children: childrenOf(record.uid, 1),
    }))
    .toSorted((a, b) => a.object.localeCompare(b.object));
}
