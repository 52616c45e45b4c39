import type { Position } from "@drover/shared/errors";
import { recordAt } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";

import type { Fields } from "./fields.ts";
import { holdsVariables } from "./variables.ts";

/** How many replicas the workloads of a name have, as kustomize's `replicas` says it. */
export interface ReplicaCount {
  readonly name: string;
  /** A text is a variable. */
  readonly count: number | string;
  readonly at: Position;
}

export function readReplicas(fields: Fields): ReplicaCount {
  const name = fields.requiredText("name");
  const written = fields.value("count");
  const isVariable = typeof written === "string" && holdsVariables(written);
  if (!fields.has("count")) fields.missing("count");
  const count = isVariable ? written : (fields.whole("count", { min: 0, max: 1_000_000 }) ?? 0);
  const replicas = { name, count, at: fields.at };
  fields.finish();
  return replicas;
}

const scalable: ReadonlySet<string> = new Set(["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"]);

export function isScaledBy({ kind, metadata }: KubeObject, { name }: ReplicaCount): boolean {
  return scalable.has(kind) && metadata.name === name;
}

export function setReplicas(object: KubeObject, { count }: ReplicaCount): KubeObject {
  return { ...object, spec: { ...recordAt(object, "spec"), replicas: count } };
}
