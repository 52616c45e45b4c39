import type { KubeObject } from "@drover/shared/kube/manifest";

/** On every object that an application owns: what the watches select, and what prune insists on. */
export const applicationLabel = "drover.dev/application";

/** What is sent for an object: marked as the application's, and in its namespace (none when cluster-scoped). */
export function payloadOf(
  object: KubeObject,
  { application, namespace }: { readonly application: string; readonly namespace: string },
): KubeObject {
  const { namespace: _declared, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(namespace === "" ? {} : { namespace }),
      labels: { ...object.metadata.labels, [applicationLabel]: application },
    },
  };
}
