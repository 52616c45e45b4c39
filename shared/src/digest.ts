import { createHash, hash } from "node:crypto";

/** `sha256:` and 64 lower-case hex digits. */
export type Digest = string;

const pattern = /^sha256:[0-9a-f]{64}$/u;

export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${hash("sha256", bytes)}`;
}

/** `digestOf` the parts put together, without putting them together. */
export function digestOfParts(parts: Iterable<string>): Digest {
  const state = createHash("sha256");
  for (const part of parts) state.update(part);
  return `sha256:${state.digest("hex")}`;
}

/** JSON with sorted keys, no spaces and no undefined: equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (isPlainObject(inner) ? sortKeys(inner) : inner));
}

function sortKeys(object: Record<string, unknown>): Record<string, unknown> {
  const sorted: [string, unknown][] = [];
  for (const key of Object.keys(object).sort()) sorted.push([key, object[key]]);
  // fromEntries defines properties, so a key named __proto__ stays an ordinary key.
  return Object.fromEntries(sorted);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
