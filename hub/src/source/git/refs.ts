import { DroverError } from "@drover/shared/errors";

import { pickVersion } from "../../core/version-range.ts";

const forbidden = /[\s~^:?*[\\\p{Cc}]|\.\.|@\{|\/\/|^[-/.]|[/.]$|\.lock$/u;

/** Throws `usage` for what cannot be the name of a branch, a tag or a commit: such a text must reach no server. */
export function checkRef(ref: string): void {
  if (ref === "" || (ref.length <= 255 && !forbidden.test(ref))) return;
  throw new DroverError(
    "usage",
    `${JSON.stringify(ref.slice(0, 80))} cannot be the name of a branch, a tag or a commit`,
  );
}

export function isCommitId(ref: string): boolean {
  return /^[0-9a-f]{40}$/u.test(ref);
}

/** Full names that a short one may stand for, in the order in which they are tried. */
export function fullNames(ref: string): readonly string[] {
  return ref.startsWith("refs/") ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
}

export function shortName(fullName: string): string {
  return fullName.replace(/^refs\/(?:heads|tags)\//u, "");
}

/** The newest tag that is in a range of versions. Throws `source_ref_missing` when none is. */
export function newestTag(range: string, tags: readonly string[], where: string): string {
  const newest = pickVersion(range, tags);
  if (newest !== undefined) return newest;
  throw new DroverError("source_ref_missing", `${where} has no tag with a version in ${range}`, {
    hint: "tags are versions when they are written as v1.2.3 or 1.2.3; what was deployed from it stays",
  });
}

export function missingRef(ref: string, where: string): DroverError {
  return ref === ""
    ? new DroverError("source_ref_missing", `${where} has no commits yet`, { hint: "push or commit something" })
    : new DroverError("source_ref_missing", `${where} has no branch, tag or commit ${ref}`, {
        hint: "check the name; what was deployed from it stays",
      });
}
