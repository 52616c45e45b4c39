import { at, recordAt, recordsAt, type JsonRecord } from "@drover/shared/json";

import { assessReady } from "./generic.ts";
import { conditionOf, current, unobserved, verdict, type Kind, type Verdict } from "./verdict.ts";

/**
 * Kinds that a CustomResourceDefinition made. Without a status nobody may have looked at the object yet, unless its
 * definition has no place where anybody could say so (case 74).
 */
export function assessCustom({ group, kind }: Kind, object: JsonRecord): Verdict {
  if (isObserved(object)) return reportsReady(group) ? assessPromised(object) : assessReady(object);
  return { ...unobserved, question: { about: { what: "never-reported", group, kind }, yes: current } };
}

/** Kubernetes keeps groups without a dot and below `.k8s.io` to itself. */
export function isCustom(group: string): boolean {
  return group.includes(".") && !group.endsWith(".k8s.io");
}

/** Projects whose controllers set `Ready` on everything: a status without it is one that is not complete yet. */
const reportingReady = [
  "cluster.x-k8s.io",
  "cnpg.io",
  "external-secrets.io",
  "keda.sh",
  "knative.dev",
  "strimzi.io",
  "toolkit.fluxcd.io",
];

function reportsReady(group: string): boolean {
  return reportingReady.some((owner) => group === owner || group.endsWith(`.${owner}`));
}

function assessPromised(object: JsonRecord): Verdict {
  if (conditionOf(object, "Ready") !== undefined) return assessReady(object);
  // Strimzi takes `Ready` away while `NotReady` holds.
  const unready = conditionOf(object, "NotReady");
  if (unready?.status !== "True") return unobserved;
  const reason = unready.reason || "NotReady";
  return verdict(reason === "Creating" ? "Progressing" : "Degraded", reason, unready.message);
}

export function isObserved(object: JsonRecord): boolean {
  const status = recordAt(object, "status");
  return status !== undefined && Object.keys(status).length > 0;
}

/**
 * Whether a CustomResourceDefinition lets controllers report on its objects in a way that is understood here: with
 * conditions or an observed generation. A schema that says nothing of the status rules nothing out.
 */
export function mayBeReported(definition: unknown): boolean {
  return recordsAt(definition, "spec", "versions").some((version) => {
    if (version["served"] === false) return false;
    const root = recordAt(version, "schema", "openAPIV3Schema");
    const status = recordAt(root, "properties", "status");
    if (status === undefined) {
      return recordAt(version, "subresources", "status") !== undefined && (root === undefined || isOpen(root));
    }
    const fields = Object.keys(recordAt(status, "properties") ?? {});
    return fields.includes("conditions") || fields.includes("observedGeneration") || isOpen(status);
  });
}

/** Fields that the schema does not name are kept. */
function isOpen(schema: JsonRecord): boolean {
  return schema["x-kubernetes-preserve-unknown-fields"] === true || isNotFalse(at(schema, "additionalProperties"));
}

function isNotFalse(value: unknown): boolean {
  return value !== undefined && value !== false && value !== null;
}
