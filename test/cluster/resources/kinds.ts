import type { CustomKind } from "../crd/custom-kind.ts";
import { builtinResources, type ResourceInfo } from "../schema/resources.ts";
import { builtinSchema, type KubeObject, type TypeSchema } from "../schema/schema.ts";
import { reviewResources } from "./reviews.ts";

/** A resource in one version, as served to clients. Versions of one resource share a collection. */
export type ServedKind = {
  readonly info: ResourceInfo;
  /** Where its objects are stored, whatever version they were written in: `apps/deployments`. */
  readonly collection: string;
  readonly storageVersion: string;
  readonly schema: () => TypeSchema;
  /** What only kinds from a CustomResourceDefinition have. */
  readonly custom: CustomKind | undefined;
};

export type GroupVersionName = { readonly group: string; readonly version: string };

export function apiVersionOf({ group, version }: GroupVersionName): string {
  return group === "" ? version : `${group}/${version}`;
}

export function parseApiVersion(apiVersion: string): GroupVersionName {
  const slash = apiVersion.indexOf("/");
  if (slash === -1) return { group: "", version: apiVersion };
  return { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

export function collectionName(info: { readonly group: string; readonly plural: string }): string {
  return `${info.group}/${info.plural}`;
}

/** Kinds that also answer in another version than the stored one; see `convert.ts` for how. */
const storageVersions: Readonly<Record<string, string>> = {
  "autoscaling/horizontalpodautoscalers": "v2",
  "batch/cronjobs": "v1",
  "networking.k8s.io/ingresses": "v1",
  "policy/poddisruptionbudgets": "v1",
};

/** Groups that serve the objects of another group, under the same uids. */
const cohabiting: Readonly<Record<string, string>> = { "extensions/ingresses": "networking.k8s.io/ingresses" };

const untypedSchema: TypeSchema = { kind: "untyped" };

function builtinKind(info: ResourceInfo): ServedKind {
  const name = collectionName(info);
  const collection = cohabiting[name] ?? name;
  let schema: TypeSchema | undefined;
  return {
    info,
    collection,
    storageVersion: storageVersions[collection] ?? info.version,
    schema: () => (schema ??= builtinSchema(info) ?? untypedSchema),
    custom: undefined,
  };
}

const key = (group: string, version: string, name: string): string => `${group}/${version}/${name}`;

// Shared by all clusters of the process: an empty cluster costs no tables of its own.
const builtinKinds = [...builtinResources, ...reviewResources].map(builtinKind);
const builtinByPlural = new Map(
  builtinKinds.map((kind) => [key(kind.info.group, kind.info.version, kind.info.plural), kind]),
);
const builtinByKind = new Map(
  builtinKinds.map((kind) => [key(kind.info.group, kind.info.version, kind.info.kind), kind]),
);

/** The resources that one cluster serves: the builtin ones and those of its CustomResourceDefinitions. */
export class Kinds {
  readonly #custom = new Map<string, readonly ServedKind[]>();
  #byPlural = new Map<string, ServedKind>();
  #byKind = new Map<string, ServedKind>();
  #all: readonly ServedKind[] = builtinKinds;

  find(group: string, version: string, plural: string): ServedKind | undefined {
    return builtinByPlural.get(key(group, version, plural)) ?? this.#byPlural.get(key(group, version, plural));
  }

  findKind(group: string, version: string, kind: string): ServedKind | undefined {
    return builtinByKind.get(key(group, version, kind)) ?? this.#byKind.get(key(group, version, kind));
  }

  ofObject(object: { readonly apiVersion: string; readonly kind: string }): ServedKind | undefined {
    const { group, version } = parseApiVersion(object.apiVersion);
    return this.findKind(group, version, object.kind);
  }

  /** The stored version's kind of a collection. */
  ofCollection(collection: string): ServedKind | undefined {
    return this.all().find((kind) => kind.collection === collection && kind.storageVersion === kind.info.version);
  }

  /** The same array until the custom kinds change, so that documents made from it can be kept with it. */
  all(): readonly ServedKind[] {
    return this.#all;
  }

  /** Custom kinds by the name of their CustomResourceDefinition; undefined takes them away. */
  setCustom(definition: string, kinds: readonly ServedKind[] | undefined): void {
    if (kinds === undefined) this.#custom.delete(definition);
    else this.#custom.set(definition, kinds);
    const served = [...this.#custom.values()].flat();
    this.#byPlural = new Map(served.map((kind) => [key(kind.info.group, kind.info.version, kind.info.plural), kind]));
    this.#byKind = new Map(served.map((kind) => [key(kind.info.group, kind.info.version, kind.info.kind), kind]));
    this.#all = served.length === 0 ? builtinKinds : [...builtinKinds, ...served];
  }

  customOf(definition: string): readonly ServedKind[] {
    return this.#custom.get(definition) ?? [];
  }
}

/** A builtin kind that the server itself depends on; throws when the tables lack it. */
export function requireBuiltin(group: string, version: string, plural: string): ServedKind {
  const found = builtinByPlural.get(key(group, version, plural));
  if (found === undefined) throw new Error(`the builtin tables lack ${group}/${version} ${plural}`);
  return found;
}

export function hasStatus(kind: ServedKind): boolean {
  return kind.info.subresources.includes("status");
}

export function isKubeObject(value: unknown): value is KubeObject {
  return (
    typeof value === "object" &&
    value !== null &&
    "apiVersion" in value &&
    typeof value.apiVersion === "string" &&
    "kind" in value &&
    typeof value.kind === "string" &&
    "metadata" in value &&
    typeof value.metadata === "object" &&
    value.metadata !== null
  );
}
