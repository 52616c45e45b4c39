import { isRecord, recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { hasKeys, parseFieldPath, valueAt, withValueAt, type FieldPath } from "@drover/shared/kube/field-path";
import type { KubeObject, ObjectKey } from "@drover/shared/kube/manifest";
import type { IgnoreRule } from "@drover/shared/sync-options";

import { ownersOfField } from "./drift.ts";

/** A field of an object that Git leaves to others. */
export interface Yield {
  readonly path: FieldPath;
  /** Only while one of these field managers has it; none = anybody, also the last one who had it. */
  readonly managers: readonly string[];
  /** Whose it is, for people: `HorizontalPodAutoscaler web`, `sync.ignore`. */
  readonly to: string;
}

/** The fields of an object that rules of the application leave to others. */
export function yieldsByRule(key: ObjectKey, rules: readonly IgnoreRule[]): readonly Yield[] {
  return rules
    .filter(
      ({ group, kind, namespace, name }) =>
        (group === "*" || group === key.group) &&
        (kind === "" || kind === key.kind) &&
        (namespace === "" || namespace === key.namespace) &&
        (name === "" || name === key.name),
    )
    .flatMap(({ paths, managers }) =>
      paths.flatMap((text) => {
        const path = parseFieldPath(text);
        return path === undefined ? [] : [{ path, managers, to: "sync.ignore" }];
      }),
    );
}

const replicas: FieldPath = ["spec", "replicas"].map((name) => ({ kind: "field", name }));

/** Whether an object of this kind may be a scaler: something that writes fields of workloads. */
export function isScaler({ group, kind }: Pick<ObjectKey, "group" | "kind">): boolean {
  return scalers.has(`${kind}.${group}`);
}

/** Where a scaler names its workload. */
const scalers: ReadonlyMap<string, string> = new Map([
  ["HorizontalPodAutoscaler.autoscaling", "scaleTargetRef"],
  ["ScaledObject.keda.sh", "scaleTargetRef"],
  ["VerticalPodAutoscaler.autoscaling.k8s.io", "targetRef"],
]);

/**
 * What a scaler of the workload's namespace takes over from Git (case 27): replicas, and the resources of all containers
 * when it is a vertical one. Empty when it scales something else.
 */
export function yieldsToScaler(key: ObjectKey, workload: JsonRecord, scaler: JsonRecord): readonly Yield[] {
  const kind = textAt(scaler, "kind") ?? "";
  const group = (textAt(scaler, "apiVersion") ?? "").split("/")[0] ?? "";
  const field = scalers.get(`${kind}.${group}`);
  if (field === undefined) return [];
  const target = recordAt(scaler, "spec", field);
  // A ScaledObject that names no kind means a Deployment.
  const targetKind = textAt(target, "kind") ?? (kind === "ScaledObject" ? "Deployment" : "");
  if (textAt(target, "name") !== key.name || targetKind !== key.kind) return [];
  const to = `${kind} ${textAt(scaler, "metadata", "name") ?? ""}`;
  if (kind !== "VerticalPodAutoscaler") return [{ path: replicas, managers: [], to }];
  return resourcesOf(workload).map((path) => ({ path, managers: [], to }));
}

/** What certificate controllers write into objects that ask for it. */
export function yieldsToInjectors(key: ObjectKey, object: KubeObject): readonly Yield[] {
  const annotations = Object.keys(object.metadata.annotations ?? {});
  const injector = annotations.find((name) => injectors.test(name));
  if (injector === undefined) return [];
  const field = (name: string) => ({ kind: "field", name }) as const;
  const to = injector.split("/")[0] ?? "";
  const paths = ((): readonly FieldPath[] => {
    switch (key.kind) {
      case "MutatingWebhookConfiguration":
      case "ValidatingWebhookConfiguration":
        return recordsAt(object, "webhooks").map((webhook) => [
          field("webhooks"),
          { kind: "item", keys: { name: webhook["name"] } },
          field("clientConfig"),
          field("caBundle"),
        ]);
      case "CustomResourceDefinition":
        return [["spec", "conversion", "webhook", "clientConfig", "caBundle"].map(field)];
      case "APIService":
        return [["spec", "caBundle"].map(field)];
      default:
        return [];
    }
  })();
  return paths.map((path) => ({ path, managers: [], to }));
}

const injectors =
  /^cert-manager\.io\/inject-(?:ca-from|ca-from-secret|apiserver-ca)$|^service\.beta\.openshift\.io\/inject-cabundle$/u;

/** Whether a field, or one that contains it, is left to others while these field managers have it. */
export function isYielded(path: FieldPath, owners: readonly string[], yields: readonly Yield[]): boolean {
  return yields.some(
    ({ path: left, managers }) =>
      isWithin(path, left) && (managers.length === 0 || owners.some((o) => managers.includes(o))),
  );
}

/**
 * What is sent for an object that exists: a field that another field manager has is left out, so that it stays theirs;
 * one that nobody but us has keeps the value that it has, because leaving it out would reset it to its default, such as
 * one replica (kubernetes#67135).
 */
export function yieldFields(
  payload: KubeObject,
  { live, yields, manager }: { readonly live: JsonRecord; readonly yields: readonly Yield[]; readonly manager: string },
): KubeObject {
  let object: unknown = payload;
  for (const { path, managers } of yields) {
    const owners = ownersOfField(live, path);
    const others = owners.filter((name) => name !== manager);
    if (managers.length > 0 && !others.some((name) => managers.includes(name))) continue;
    const value = valueAt(live, path);
    if (others.length > 0) object = withValueAt(object, path, undefined);
    else if (value !== undefined && (owners.length > 0 || valueAt(payload, path) !== undefined)) {
      object = withValueAt(object, path, value);
    }
  }
  return isKubeObject(object) ? object : payload;
}

function isKubeObject(value: unknown): value is KubeObject {
  return isRecord(value) && typeof value["kind"] === "string";
}

function isWithin(path: FieldPath, container: FieldPath): boolean {
  return (
    container.length <= path.length &&
    container.every((segment, index) => {
      const other = path[index];
      if (other === undefined || segment.kind !== other.kind) return false;
      if (segment.kind === "field") return other.kind === "field" && segment.name === other.name;
      if (segment.kind === "index") return other.kind === "index" && segment.index === other.index;
      return other.kind === "item" && hasKeys(other.keys, segment.keys);
    })
  );
}

function resourcesOf(workload: JsonRecord): readonly FieldPath[] {
  const field = (name: string) => ({ kind: "field", name }) as const;
  const pod = ["spec", "template", "spec"];
  return recordsAt(workload, ...pod, "containers").map((container) => [
    ...pod.map(field),
    field("containers"),
    { kind: "item", keys: { name: container["name"] } },
    field("resources"),
  ]);
}
