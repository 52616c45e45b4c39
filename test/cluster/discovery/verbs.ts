import { isReview } from "../resources/access.ts";
import type { ServedKind } from "../resources/kinds.ts";

const everyVerb = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const viewVerbs = ["get", "patch", "update"];

export function verbsOf(kind: ServedKind): readonly string[] {
  return isReview(kind.collection) ? ["create"] : everyVerb;
}

export type Subresource = {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
};

/** Subresources that only single kinds have. */
const special: Readonly<Record<string, readonly Subresource[]>> = {
  "/namespaces": [{ name: "finalize", group: "", version: "v1", kind: "Namespace", verbs: ["update"] }],
  "/pods": [
    { name: "binding", group: "", version: "v1", kind: "Binding", verbs: ["create"] },
    { name: "eviction", group: "policy", version: "v1", kind: "Eviction", verbs: ["create"] },
    { name: "log", group: "", version: "v1", kind: "Pod", verbs: ["get"] },
  ],
  "/serviceaccounts": [
    { name: "token", group: "authentication.k8s.io", version: "v1", kind: "TokenRequest", verbs: ["create"] },
  ],
};

export function subresourcesOf(kind: ServedKind): Subresource[] {
  const { group, version } = kind.info;
  const views = kind.info.subresources.map((name): Subresource =>
    name === "scale"
      ? { name, group: "autoscaling", version: "v1", kind: "Scale", verbs: viewVerbs }
      : { name, group, version, kind: kind.info.kind, verbs: viewVerbs },
  );
  return [...(special[kind.collection] ?? []), ...views];
}
