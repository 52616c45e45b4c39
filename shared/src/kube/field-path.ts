import { isRecord, type JsonRecord } from "../json.ts";

/** One step into an object: a field, a list item found by its keys, or a list item by its place. */
export type Segment =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "item"; readonly keys: JsonRecord }
  | { readonly kind: "index"; readonly index: number };

export type FieldPath = readonly Segment[];

/** Maps whose keys are people's, not the API's. */
const keyedMaps: ReadonlySet<string> = new Set([
  "annotations",
  "binaryData",
  "data",
  "labels",
  "limits",
  "matchLabels",
  "nodeSelector",
  "requests",
  "stringData",
]);

/** `spec.template.spec.containers[name=web].image`, `metadata.labels[app]`, `spec.args[2]`. */
export function formatFieldPath(path: FieldPath): string {
  let text = "";
  let parent = "";
  for (const segment of path) {
    if (segment.kind === "field") {
      const bracketed = keyedMaps.has(parent) || !/^[A-Za-z_][\w-]*$/u.test(segment.name);
      text += bracketed ? `[${segment.name}]` : `${text === "" ? "" : "."}${segment.name}`;
      parent = segment.name;
    } else {
      text += segment.kind === "index" ? `[${segment.index}]` : `[${formatKeys(segment.keys)}]`;
      parent = "";
    }
  }
  return text;
}

/** The inverse of `formatFieldPath`; undefined for any other text. */
export function parseFieldPath(text: string): FieldPath | undefined {
  const path: Segment[] = [];
  const step = /(?<dot>\.?)(?<name>[A-Za-z_][\w-]*)|\[(?<inner>[^[\]]+)\]/uy;
  let parent = "";
  while (step.lastIndex < text.length) {
    const groups = step.exec(text)?.groups;
    if (groups === undefined) return undefined;
    const { dot, name, inner } = groups;
    if (name !== undefined && (dot === "") !== (path.length === 0)) return undefined;
    const segment: Segment | undefined =
      name === undefined ? readBracket(inner ?? "", parent) : { kind: "field", name };
    if (segment === undefined) return undefined;
    path.push(segment);
    parent = segment.kind === "field" ? segment.name : "";
  }
  return path.length === 0 ? undefined : path;
}

/** The value at a path; undefined when there is none. */
export function valueAt(value: unknown, path: FieldPath): unknown {
  let current = value;
  for (const segment of path) {
    if (segment.kind === "field") {
      current = isRecord(current) && Object.hasOwn(current, segment.name) ? current[segment.name] : undefined;
    } else current = Array.isArray(current) ? current[indexIn(current, segment)] : undefined;
    if (current === undefined) return undefined;
  }
  return current;
}

/**
 * A copy with another value at a path, or with none when that is undefined. Fields on the way are made; list items are
 * not, so a path through one that is missing changes nothing.
 */
export function withValueAt(value: unknown, path: FieldPath, replacement: unknown): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined) return replacement;
  if (segment.kind === "field") return withField(isRecord(value) ? value : {}, { segment, rest, replacement });
  if (!Array.isArray(value)) return value;
  const index = indexIn(value, segment);
  if (index < 0 || index >= value.length) return value;
  const changed = withValueAt(value[index], rest, replacement);
  return changed === undefined ? value.toSpliced(index, 1) : value.with(index, changed);
}

function withField(
  record: JsonRecord,
  change: {
    readonly segment: Extract<Segment, { kind: "field" }>;
    readonly rest: FieldPath;
    readonly replacement: unknown;
  },
): JsonRecord {
  const { name } = change.segment;
  const before = Object.hasOwn(record, name) ? record[name] : undefined;
  if (before === undefined && change.replacement === undefined) return record;
  const changed = withValueAt(before, change.rest, change.replacement);
  if (changed !== undefined) return { ...record, [name]: changed };
  return Object.fromEntries(Object.entries(record).filter(([other]) => other !== name));
}

function indexIn(items: readonly unknown[], segment: Exclude<Segment, { kind: "field" }>): number {
  if (segment.kind === "index") return segment.index;
  return items.findIndex((item) => isRecord(item) && hasKeys(item, segment.keys));
}

/** Whether two list items may be the same one; a key that one of them leaves to the server's default matches any. */
export function hasKeys(item: JsonRecord, keys: JsonRecord): boolean {
  return Object.entries(keys).every(
    ([name, value]) => item[name] === undefined || keyText(item[name]) === keyText(value),
  );
}

function readBracket(inner: string, parent: string): Segment | undefined {
  if (keyedMaps.has(parent)) return { kind: "field", name: inner };
  if (/^\d+$/u.test(inner)) return { kind: "index", index: Number(inner) };
  if (!inner.includes("=")) return { kind: "field", name: inner };
  const keys = inner.split(",").map((pair): [string, unknown] => {
    const sign = pair.indexOf("=");
    return [pair.slice(0, sign), readKey(pair.slice(sign + 1))];
  });
  return keys.some(([name]) => name === "") ? undefined : { kind: "item", keys: Object.fromEntries(keys) };
}

function formatKeys(keys: JsonRecord): string {
  return Object.entries(keys)
    .map(([name, value]) => `${name}=${keyText(value)}`)
    .join(",");
}

/** All that a written path has of a key. */
function keyText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function readKey(text: string): unknown {
  return /^(?:true|false|0|-?[1-9]\d{0,14})$/u.test(text) ? JSON.parse(text) : text;
}
