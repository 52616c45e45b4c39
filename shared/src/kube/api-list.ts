import { canonicalJson, digestOf, type Digest } from "../digest.ts";
import { DroverError } from "../errors.ts";

/** What an API server serves, as Helm's `--api-versions` names it: `v1`, `apps/v1`, `apps/v1/Deployment`. */
export interface ApiList {
  /** Of `versions` alone: clusters that serve the same have the same. */
  readonly digest: Digest;
  /** Sorted, each once. */
  readonly versions: readonly string[];
}

/** More than clusters with thousands of definitions have, and as much as the command line of a program holds. */
const maxVersions = 10_000;
const maxCharacters = 512 * 1024;
const pattern = /^(?:[a-z0-9][-a-z0-9.]*\/)?[a-z0-9][-a-z0-9]*(?:\/[A-Za-z][A-Za-z0-9]*)?$/u;

/** Whether a name is one that a list may hold. */
export function isApiName(name: string): boolean {
  return pattern.test(name);
}

/** Throws `document_invalid` for what names no API, and `input_too_large`. */
export function apiListOf(names: Iterable<string>): ApiList {
  const versions = [...new Set(names)].toSorted(byCodeUnits);
  const wrong = versions.find((name) => !isApiName(name));
  if (wrong !== undefined) throw new DroverError("document_invalid", `${JSON.stringify(wrong)} names no API`);
  const characters = versions.reduce((sum, name) => sum + name.length, 0);
  if (versions.length > maxVersions || characters > maxCharacters) {
    throw new DroverError("input_too_large", `a list of ${versions.length} APIs is longer than one may be`);
  }
  return { versions, digest: digestOf(canonicalJson(versions)) };
}

/** A list as it was written down or sent. Throws also `digest_mismatch` for another one than was meant. */
export function readApiList(value: unknown, digest: Digest): ApiList {
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string")) {
    throw new DroverError("document_invalid", "this is no list of APIs");
  }
  const list = apiListOf(value);
  if (list.digest === digest) return list;
  throw new DroverError("digest_mismatch", "the list of APIs is another one than was asked for");
}

/** Sorting by a language would differ between machines. */
function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
