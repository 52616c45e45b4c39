import type { ObjectKey } from "@drover/shared/kube/manifest";

type Kind = Pick<ObjectKey, "group" | "kind">;

const workloads: ReadonlySet<string> = new Set([
  "DaemonSet.apps",
  "Deployment.apps",
  "ReplicaSet.apps",
  "StatefulSet.apps",
  "Job.batch",
  "CronJob.batch",
  "Pod.",
  "ReplicationController.",
]);

/** Whether it runs pods, or is one. */
export function isWorkload({ group, kind }: Kind): boolean {
  return workloads.has(`${kind}.${group}`);
}

export function isNamespace({ group, kind }: Kind): boolean {
  return group === "" && kind === "Namespace";
}

/** Group of the kind that a CustomResourceDefinition defines, which its name ends in; "" for anything else. */
export function definedGroup({ group, kind, name }: ObjectKey): string {
  const isDefinition = group === "apiextensions.k8s.io" && kind === "CustomResourceDefinition";
  return isDefinition ? name.slice(name.indexOf(".") + 1) : "";
}
