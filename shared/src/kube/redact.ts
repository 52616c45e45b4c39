import { canonicalJson } from "../digest.ts";
import { isRecord, textAt } from "../json.ts";
import type { FieldChange } from "./diff.ts";
import type { FieldPath, Segment } from "./field-path.ts";

/**
 * Stands for a value outside of its cluster: equal for equal values, different in every cluster, and of no use to find
 * the value by. Each cluster's agent computes it with a key that only it has.
 */
export type Fingerprint = (value: string) => string;

/** What is shown in place of a secret value: `***(5f3a91c2)`. */
export function mask(value: string, fingerprint: Fingerprint): string {
  return `***(${fingerprint(value)})`;
}

/** JSON text of a changed field's values, masked where the object, the path or the value itself says that it is secret. */
export function formatChange(
  kind: string,
  change: FieldChange,
  fingerprint: Fingerprint,
): { readonly desired: string; readonly live?: string } {
  const { path, desired, live } = change;
  const text = (value: unknown): string => {
    const shown = redactValue({ kind, path, value }, fingerprint);
    return isSecretPath(kind, path) && typeof shown === "string" ? shown : canonicalJson(shown);
  };
  return { desired: text(desired), ...(live === undefined ? {} : { live: text(live) }) };
}

export interface Value {
  readonly kind: string;
  /** Where in the object `value` is. */
  readonly path: FieldPath;
  readonly value: unknown;
}

/** The same value with everything secret masked, however deep. Names of fields stay: they are no secrets. */
export function redactValue({ kind, path, value }: Value, fingerprint: Fingerprint): unknown {
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => {
        const at: FieldPath = [...path, { kind: "field", name }];
        return [name, redactValue({ kind, path: at, value: inner }, fingerprint)];
      }),
    );
  }
  if (Array.isArray(value)) {
    return value.map((inner: unknown, index) => {
      return redactValue({ kind, path: [...path, itemSegment(inner, index)], value: inner }, fingerprint);
    });
  }
  if (value === null || value === undefined || typeof value === "boolean") return value;
  const text = typeof value === "string" ? value : canonicalJson(value);
  if (isSecretPath(kind, path)) return mask(isEncoded(kind, path) ? decode(text) : text, fingerprint);
  return typeof value === "string" ? redactText(value, fingerprint) : value;
}

/** Takes out of a text what is secret by its form: keys in PEM, credentials in URLs, `password=…`, `token: …`. */
export function redactText(text: string, fingerprint: Fingerprint): string {
  return text
    .replaceAll(credentials, (_, scheme: string, who: string) => `${scheme}${mask(who, fingerprint)}@`)
    .replaceAll(privateKey, (whole) => mask(whole, fingerprint))
    .replaceAll(assignment, (_, name: string, quote: string, value: string) => {
      return `${name}${quote}${value.startsWith("***") ? value : mask(value, fingerprint)}`;
    });
}

/** Values of Secrets, the copy of a whole object that `kubectl apply` leaves, and whatever is named like a secret. */
export function isSecretPath(kind: string, path: FieldPath): boolean {
  const [first, second, third] = path.map((segment) => (segment.kind === "field" ? segment.name : ""));
  if (kind === "Secret" && (first === "data" || first === "stringData")) return true;
  if (first === "metadata") {
    return second === "annotations" && (third === lastApplied || isSecretName(third ?? ""));
  }
  return isSecretName(nameOf(path));
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** The name that a value goes by: that of its field, or of the item that it is the value of, as in `env`. */
function nameOf(path: FieldPath): string {
  const last = path.at(-1);
  if (last?.kind !== "field") {
    const parent = path.at(-2);
    return last?.kind === "index" && parent?.kind === "field" ? parent.name : "";
  }
  const item = path.at(-2);
  if (last.name === "value" && item?.kind === "item")
    return textAt(item.keys, "name") ?? textAt(item.keys, "key") ?? "";
  return last.name;
}

const words =
  "pass(?:word|wd|phrase)|secret|token|credential|(?:api|access|private|client|signing|encryption)[-_.]?key|connection[-_.]?string";
/** Names that only say where a secret is: `secretName`, `TOKEN_FILE`, `tokenExpirationSeconds`. */
const pointsElsewhere =
  /(?:name|refs?|file|path|dir|mount|namespace|type|class|[-_.]?id|seconds|ttl|policy|mode|length|audiences?)$/iu;
const secretName = new RegExp(words, "iu");
const assignment = new RegExp(`((?:${words})["']?\\s*[:=]\\s*)(["']?)([^\\s"',;&]+)`, "giu");
const credentials = /([a-z][a-z0-9+.-]{0,31}:\/\/)([^\s/"']+)@/giu;
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gu;

function isSecretName(name: string): boolean {
  return secretName.test(name) && !pointsElsewhere.test(name);
}

/** The same value gets the same mask in `data`, where it is encoded, and anywhere else. */
function isEncoded(kind: string, path: FieldPath): boolean {
  const [first] = path;
  return kind === "Secret" && first?.kind === "field" && first.name === "data";
}

function decode(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.codePointAt(0) ?? 0));
  } catch {
    return text;
  }
}

function itemSegment(item: unknown, index: number): Segment {
  const keys = isRecord(item) ? Object.entries(item).filter(([name]) => name === "name" || name === "key") : [];
  return keys.length === 0 ? { kind: "index", index } : { kind: "item", keys: Object.fromEntries(keys) };
}
