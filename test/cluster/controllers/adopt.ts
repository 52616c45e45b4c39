import { recordAt } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { labelSelectorOf } from "../storage/selectors.ts";
import { controllerReference, type ObjectClient } from "./client.ts";

/** Makes a workload the controller of the pods that it selects and nobody controls: those of a former one, orphaned. */
export function adoptPods(
  pods: ObjectClient,
  owner: KubeObject,
  fits: (pod: KubeObject) => boolean = () => true,
): void {
  const selects = labelSelectorOf(recordAt(owner, "spec", "selector"));
  for (const pod of pods.list(owner.metadata.namespace)) {
    const { ownerReferences = [], deletionTimestamp, labels = {} } = pod.metadata;
    if (deletionTimestamp !== undefined || ownerReferences.some((each) => each.controller === true)) continue;
    if (!selects(labels) || !fits(pod)) continue;
    const metadata = { ...pod.metadata, ownerReferences: [...ownerReferences, controllerReference(owner)] };
    pods.update(pod, { ...pod, metadata });
  }
}
