import { DroverError } from "@drover/shared/errors";
import { formatObjectKey, objectKey, type KubeObject, type ObjectKey } from "@drover/shared/kube/manifest";

import { didYouMean } from "../fields.ts";
import { listNames } from "../list-names.ts";

export interface WantedObject {
  /** `deployment/web`, `deployments.apps/web`, `deploy/web`. */
  readonly object: string;
  /** undefined = any. */
  readonly namespace?: string | undefined;
}

/** An object in the namespace that it has in the cluster. */
export interface NamedObject {
  readonly object: KubeObject;
  /** "" for what is in none, or in one that only the cluster knows. */
  readonly namespace: string;
}

/** Short names that kubectl knows, of kinds that applications have. */
const shortNames: Readonly<Record<string, string>> = {
  cj: "cronjob",
  cm: "configmap",
  crd: "customresourcedefinition",
  deploy: "deployment",
  ds: "daemonset",
  hpa: "horizontalpodautoscaler",
  ing: "ingress",
  netpol: "networkpolicy",
  ns: "namespace",
  pdb: "poddisruptionbudget",
  po: "pod",
  pv: "persistentvolume",
  pvc: "persistentvolumeclaim",
  rs: "replicaset",
  sa: "serviceaccount",
  sts: "statefulset",
  svc: "service",
};

/** The index of the object that a person names. Throws `usage`, and `not_found` with what was probably meant. */
export function findObject(objects: readonly NamedObject[], wanted: WantedObject): number {
  const { kind, group, name } = readName(wanted.object);
  const isWanted = ({ object, namespace }: NamedObject): boolean =>
    isKind(objectKey(object), kind, group) &&
    object.metadata.name === name &&
    (wanted.namespace === undefined || namespace === wanted.namespace);
  const found = objects.flatMap((one, index) => (isWanted(one) ? [index] : []));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (found.length > 1) {
    const names = found.map((index) => nameOf(objects[index]));
    throw new DroverError("usage", `${wanted.object} is ${names.join(" or ")}`, {
      hint: "say which: -n NAMESPACE, or the group in the kind, such as deployments.apps/web",
    });
  }
  throw notFound(objects, wanted, { kind, group, name });
}

/** Whether a key is of the object that a person names. */
export function isNamed(key: ObjectKey, { object, namespace }: WantedObject): boolean {
  const { kind, group, name } = readName(object);
  const inPlace = namespace === undefined || key.namespace === "" || key.namespace === namespace;
  return isKind(key, kind, group) && key.name === name && inPlace;
}

interface Name {
  readonly kind: string;
  readonly group: string | undefined;
  readonly name: string;
}

function readName(text: string): Name {
  const match = /^(?<kind>[^\s./]+)(?:\.(?<group>[^\s/]+))?\/(?<name>[^\s/]+)$/u.exec(text);
  if (match?.groups === undefined) {
    throw new DroverError("usage", `"${text}" names no object`, { hint: "write KIND/NAME, such as deployment/web" });
  }
  const { kind = "", group, name = "" } = match.groups;
  const lower = kind.toLowerCase();
  return { kind: shortNames[lower] ?? lower, group: group?.toLowerCase(), name };
}

/** Kinds in any case, in the singular or the plural. */
function isKind(key: ObjectKey, kind: string, group: string | undefined): boolean {
  if (group !== undefined && group !== key.group) return false;
  const own = key.kind.toLowerCase();
  return [own, `${own}s`, `${own}es`, own.replace(/y$/u, "ies")].includes(kind);
}

function notFound(objects: readonly NamedObject[], wanted: WantedObject, { kind, group, name }: Name): DroverError {
  const where = wanted.namespace === undefined ? "" : ` in namespace ${wanted.namespace}`;
  const message = `there is no ${wanted.object}${where}`;
  const elsewhere = objects.filter(
    ({ object }) => isKind(objectKey(object), kind, group) && object.metadata.name === name,
  );
  if (elsewhere.length > 0) {
    return new DroverError("not_found", message, { hint: `there is ${listNames(elsewhere.map(nameOf))}` });
  }
  const known = objects.map(({ object }) => `${object.kind.toLowerCase()}/${object.metadata.name}`);
  const hint =
    didYouMean(`${kind}/${name}`, known) ?? (known.length === 0 ? undefined : `there are ${listNames(known)}`);
  return new DroverError("not_found", message, hint === undefined ? {} : { hint });
}

function nameOf(one: NamedObject | undefined): string {
  return one === undefined ? "" : formatObjectKey({ ...objectKey(one.object), namespace: one.namespace });
}
