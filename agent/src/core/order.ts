import { at, textAt } from "@drover/shared/json";
import { formatObjectKey, type KubeObject } from "@drover/shared/kube/manifest";

import { readHook } from "./hooks.ts";

/** What an object says about when it is applied, beyond what its kind says. */
export interface Order {
  /** Objects of a higher wave wait until those of all lower ones are ready; of a hook its weight within its stage. */
  readonly wave: number;
  /** Objects of the same application that have to be ready first, as `formatObjectKey` writes them. */
  readonly dependsOn: readonly string[];
  /** Kind that a CustomResourceDefinition defines: `Widget.example.org`; "" for all others. */
  readonly defines: string;
}

export const unordered: Order = { wave: 0, dependsOn: [], defines: "" };

const waveAnnotations = ["drover.dev/wave", "argocd.argoproj.io/sync-wave"] as const;
/** `Deployment.apps shop/web, Secret shop/token`. */
const dependsOnAnnotation = "drover.dev/depends-on";
/** Of cli-utils and Config Sync: `apps/namespaces/shop/Deployment/web, rbac.authorization.k8s.io/ClusterRole/reader`. */
const foreignDependsOnAnnotation = "config.kubernetes.io/depends-on";

/** Reads it from annotations; of a definition also which kind it makes. What is unreadable says nothing. */
export function orderOf(object: KubeObject): Order {
  const annotations = object.metadata.annotations ?? {};
  const hook = readHook(object);
  const weight = hook === undefined || hook === "skip" ? undefined : String(hook.weight);
  const wave = Number.parseInt(weight ?? waveAnnotations.map((name) => annotations[name]).find(isText) ?? "0", 10);
  const order = {
    wave: Number.isSafeInteger(wave) ? wave : 0,
    dependsOn: [
      ...split(annotations[dependsOnAnnotation]),
      ...split(annotations[foreignDependsOnAnnotation]).flatMap(fromPath),
    ],
    defines: definedKind(object),
  };
  // Most objects say nothing, and there may be many.
  return order.wave === 0 && order.dependsOn.length === 0 && order.defines === "" ? unordered : order;
}

function definedKind(object: KubeObject): string {
  if (object.kind !== "CustomResourceDefinition") return "";
  const names = at(object, "spec", "names");
  return `${textAt(names, "kind") ?? ""}.${textAt(object, "spec", "group") ?? ""}`;
}

function split(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function fromPath(path: string): readonly string[] {
  const parts = path.split("/");
  const [group = "", ...rest] = parts;
  const [kind = "", name = ""] = rest.slice(-2);
  const namespace = rest.length === 4 && rest[0] === "namespaces" ? (rest[1] ?? "") : "";
  const valid = (rest.length === 2 || namespace !== "") && kind !== "" && name !== "";
  return valid ? [formatObjectKey({ group, kind, namespace, name })] : [path];
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
