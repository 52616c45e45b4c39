import type { KubeObject } from "@drover/shared/kube/manifest";

import { ownerLabels, type Owner } from "./owner.ts";

/** What is sent for an object: marked as its owner's, and in its namespace (none when cluster-scoped). */
export function payloadOf(
  object: KubeObject,
  { owner, namespace }: { readonly owner: Owner; readonly namespace: string },
): KubeObject {
  const { namespace: _declared, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(namespace === "" ? {} : { namespace }),
      labels: { ...object.metadata.labels, ...ownerLabels(owner) },
    },
  };
}
