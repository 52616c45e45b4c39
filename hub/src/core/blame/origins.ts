import type { Origin, Variable } from "@drover/shared/api/explanations";
import type { Path } from "@drover/shared/decode";
import { canonicalJson } from "@drover/shared/digest";
import { at, isRecord } from "@drover/shared/json";
import { itemKeys, itemName, partsOf, type Leaf } from "@drover/shared/kube/list-items";

/** What set a field, and what filled its variables in. */
export interface FieldOrigin {
  readonly origin: Origin;
  readonly variables: readonly Variable[];
}

/** The origin of each leaf of a value, by `leafKey`. */
export type Origins = ReadonlyMap<string, FieldOrigin>;

/** A value on its way to the final object. */
export interface Traced<T = unknown> {
  readonly value: T;
  readonly origins: Origins;
}

export function leavesOf(value: unknown, path: Path = []): readonly Pick<Leaf, "path" | "value">[] {
  const parts = partsOf(value);
  return parts.length === 0 ? [{ path, value }] : parts.flatMap(([key, part]) => leavesOf(part, [...path, key]));
}

export function leafKey(path: Path): string {
  return JSON.stringify(path);
}

export function setBy(origin: Origin): FieldOrigin {
  return { origin, variables: [] };
}

/**
 * The same value after a change: what stayed as it was keeps its origin, everything else is of the change. Items of lists
 * are the same ones by what they go by, and without that when they are equal.
 */
export function follow<T>(before: Traced, value: T, change: (path: Path) => FieldOrigin): Traced<T> {
  const origins = new Map<string, FieldOrigin>();
  const walk = (
    after: unknown,
    path: Path,
    old: { readonly value: unknown; readonly path: Path } | undefined,
  ): void => {
    const parts = partsOf(after);
    if (parts.length === 0) {
      const stayed = old !== undefined && canonicalJson(old.value ?? null) === canonicalJson(after ?? null);
      const known = stayed ? before.origins.get(leafKey(old.path)) : undefined;
      origins.set(leafKey(path), known ?? change(path));
      return;
    }
    const partner = partnersOf(after, old?.value);
    for (const [key, part] of parts) {
      const found = partner(key);
      const from =
        old === undefined || found === undefined
          ? undefined
          : { value: partAt(old.value, found), path: [...old.path, found] };
      walk(part, [...path, key], from);
    }
  };
  walk(value, [], { value: before.value, path: [] });
  return { value, origins };
}

function partAt(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  return isRecord(value) ? value[key] : undefined;
}

type Partner = (key: string | number) => string | number | undefined;

/** Where the parts of a value were before. */
function partnersOf(after: unknown, before: unknown): Partner {
  if (Array.isArray(after)) return Array.isArray(before) ? itemPartners(after, before) : () => undefined;
  return (key) => (isRecord(before) && Object.hasOwn(before, key) ? key : undefined);
}

function itemPartners(after: readonly unknown[], before: readonly unknown[]): Partner {
  const keys = itemKeys(after);
  // A list may have as many items as an object has room for: each is looked up, never searched.
  const nameOf = (item: unknown): string =>
    keys !== undefined && isRecord(item) ? itemName(item, keys) : canonicalJson(item ?? null);
  const free = new Map<string, number[]>();
  for (const [index, item] of [...before.entries()].toReversed()) {
    const name = nameOf(item);
    const same = free.get(name);
    if (same === undefined) free.set(name, [index]);
    else same.push(index);
  }
  const found = after.map((item) => free.get(nameOf(item))?.pop());
  const byPlace = keys === undefined && after.length === before.length;
  return (index) => found[Number(index)] ?? (byPlace ? index : undefined);
}

/** What only the canonical form has is a default that Drover makes, such as a port's protocol. */
const byDrover = setBy({ kind: "drover", repository: "" });

/** A value's canonical form: values of a Secret's `stringData` are in its `data` then. */
export function followCanonical<T>(
  before: unknown,
  canonical: T,
  originOf: (path: Path) => FieldOrigin | undefined,
): Traced<T> {
  const origins = leavesOf(canonical).map(({ path }) => {
    const written = writtenPath(before, path);
    const exists = written.every(
      (_, depth) => partAt(valueAtPath(before, written.slice(0, depth)), written[depth] ?? "") !== undefined,
    );
    return [leafKey(path), (exists ? originOf(written) : undefined) ?? byDrover] as const;
  });
  return { value: canonical, origins: new Map(origins) };
}

function writtenPath(before: unknown, path: Path): Path {
  const [first, key] = path;
  const isText = first === "data" && typeof key === "string" && at(before, "stringData", key) !== undefined;
  return isText && at(before, "kind") === "Secret" ? ["stringData", key] : path;
}

function valueAtPath(value: unknown, path: Path): unknown {
  return path.reduce((current: unknown, key) => partAt(current, key), value);
}

/** A value whose texts were changed, names of fields included: `rename` does the same to a name. */
export function followTexts<T>(
  before: Traced,
  value: T,
  {
    rename,
    origin,
  }: {
    readonly rename: (name: string) => string;
    readonly origin: (leaf: Pick<Leaf, "path" | "value">, known: FieldOrigin) => FieldOrigin;
  },
): Traced<T> {
  const origins = new Map<string, FieldOrigin>();
  for (const leaf of leavesOf(before.value)) {
    const known = before.origins.get(leafKey(leaf.path)) ?? byDrover;
    const path = leaf.path.map((key) => (typeof key === "string" ? rename(key) : key));
    origins.set(leafKey(path), origin(leaf, known));
  }
  return { value, origins };
}
