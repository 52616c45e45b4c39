import type { FieldsV1 } from "../schema/object.ts";

/**
 * A set of paths into an object, as a tree. Keys of `children` are path elements in their wire form (`f:name`,
 * `k:{"name":"web"}`, `v:"x"`, `i:0`); `member` says that the path that ends here is itself in the set.
 * Values are never changed after they are built, so sets share their branches.
 */
export type FieldSet = { readonly member: boolean; readonly children: ReadonlyMap<string, FieldSet> };

/** A set under construction. */
export type FieldSetBuilder = { member: boolean; children: Map<string, FieldSetBuilder> };

const leaf: FieldSet = { member: true, children: new Map() };
export const emptySet: FieldSet = { member: false, children: new Map() };

export function newSet(): FieldSetBuilder {
  return { member: false, children: new Map() };
}

/** The node at `element` below `node`, added when it is not there. */
export function descend(node: FieldSetBuilder, element: string): FieldSetBuilder {
  const known = node.children.get(element);
  if (known !== undefined) return known;
  const child = newSet();
  node.children.set(element, child);
  return child;
}

export function insertPath(root: FieldSetBuilder, path: readonly string[]): void {
  let node = root;
  for (const element of path) node = descend(node, element);
  node.member = true;
}

export function isEmpty(set: FieldSet): boolean {
  return !set.member && set.children.size === 0;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  const children = new Map(a.children);
  for (const [element, child] of b.children) {
    const known = children.get(element);
    children.set(element, known === undefined ? child : union(known, child));
  }
  return { member: a.member || b.member, children };
}

/** The paths of `a` that are not themselves in `b`; a member of `b` does not stand for what is below it. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(b)) return a;
  const children = new Map<string, FieldSet>();
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    const rest = other === undefined ? child : difference(child, other);
    if (!isEmpty(rest)) children.set(element, rest);
  }
  return { member: a.member && !b.member, children };
}

/** The paths of `a` that are neither in `b` nor below a member of `b`. */
export function differenceBelow(a: FieldSet, b: FieldSet): FieldSet {
  if (b.member) return emptySet;
  const children = new Map<string, FieldSet>();
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    const rest = other === undefined ? child : differenceBelow(child, other);
    if (!isEmpty(rest)) children.set(element, rest);
  }
  return { member: a.member, children };
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>();
  const [small, large] = a.children.size <= b.children.size ? [a, b] : [b, a];
  for (const [element, child] of small.children) {
    const other = large.children.get(element);
    if (other === undefined) continue;
    const shared = intersection(child, other);
    if (!isEmpty(shared)) children.set(element, shared);
  }
  return { member: a.member && b.member, children };
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  if (a.member !== b.member || a.children.size !== b.children.size) return false;
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    if (other === undefined || !equalSets(child, other)) return false;
  }
  return true;
}

/** Reads the wire form. Elements of unknown types are dropped, as the real server does. */
export function decodeFields(fields: FieldsV1): FieldSet {
  return { ...decodeNode(fields), member: false };
}

function decodeNode(fields: FieldsV1): FieldSet {
  const entries = Object.entries(fields);
  if (entries.length === 0) return leaf;
  let member = false;
  const children = new Map<string, FieldSet>();
  for (const [element, below] of entries) {
    if (element === ".") member = true;
    else if (/^[fkvi]:/.test(element)) children.set(element, decodeNode(below));
  }
  return { member, children };
}

/** Writes the wire form, keys in order. */
export function encodeFields(set: FieldSet): FieldsV1 {
  const fields: FieldsV1 = {};
  if (set.member && set.children.size > 0) fields["."] = {};
  const elements = [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [element, child] of elements) fields[element] = encodeFields(child);
  return fields;
}

/**
 * Every path in the set in the real server's notation (`.spec.containers[name="web"].image`) and order: at each
 * level first its members, then what is below.
 */
export function formatPaths(set: FieldSet, prefix = ""): string[] {
  const elements = [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));
  const members = elements.filter(([, { member }]) => member).map(([element]) => prefix + formatElement(element));
  const below = elements.flatMap(([element, child]) => formatPaths(child, prefix + formatElement(element)));
  return [...members, ...below];
}

export function formatElement(element: string): string {
  const text = element.slice(2);
  switch (element.slice(0, 1)) {
    case "f":
      return `.${text}`;
    case "k": {
      const keys = JSON.parse(text) as Record<string, unknown>;
      return `[${Object.entries(keys)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(",")}]`;
    }
    case "v":
      return `[=${text}]`;
    default:
      return `[${text}]`;
  }
}
