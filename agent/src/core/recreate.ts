import type { KubeObject, ObjectKey } from "@drover/shared/kube/manifest";

/** Data goes with these: whoever wants one anew has to delete it himself. */
const neverRecreated: ReadonlySet<string> = new Set([
  "/Namespace",
  "/PersistentVolume",
  "/PersistentVolumeClaim",
  "apiextensions.k8s.io/CustomResourceDefinition",
]);

/** Whether everything that an object stands for is lost with it, so that it is only ever deleted because Git dropped it. */
export function holdsData({ group, kind }: Pick<ObjectKey, "group" | "kind">): boolean {
  return neverRecreated.has(`${group}/${kind}`);
}

const annotation = "drover.dev/recreate";

/** What is to become of an object of which a field changed that cannot be changed (cases 32, 33). */
export type RecreateVerdict =
  | { readonly kind: "recreate"; readonly propagation: "Background" | "Orphan" }
  /** What a person can do instead. */
  | { readonly kind: "keep"; readonly remedy: string };

/** The object's own word counts over the application's; the annotations of Flux and Argo CD are understood. */
export function judgeRecreate(object: KubeObject, application: { readonly recreate: boolean }): RecreateVerdict {
  const { kind } = object;
  const group = object.apiVersion.includes("/") ? (object.apiVersion.split("/")[0] ?? "") : "";
  if (holdsData({ group, kind })) {
    return { kind: "keep", remedy: `a ${kind} is never deleted for that, so give the new one another name` };
  }
  if (!(wishOf(object.metadata.annotations ?? {}) ?? application.recreate)) {
    return { kind: "keep", remedy: `with the annotation ${annotation}: "true" it is deleted and made anew` };
  }
  // Its pods and claims stay, and the new one takes them over.
  const propagation = group === "apps" && kind === "StatefulSet" ? "Orphan" : "Background";
  return { kind: "recreate", propagation };
}

/** undefined: the object does not say. */
function wishOf(annotations: Readonly<Record<string, string>>): boolean | undefined {
  const own = annotations[annotation];
  if (own !== undefined) return own === "true";
  const flux = annotations["kustomize.toolkit.fluxcd.io/force"]?.toLowerCase();
  if (flux !== undefined) return flux === "enabled" || flux === "true";
  const argo = (annotations["argocd.argoproj.io/sync-options"] ?? "").split(",").map((option) => option.trim());
  // One without the other does not delete there either.
  return argo.includes("Force=true") && argo.includes("Replace=true") ? true : undefined;
}
