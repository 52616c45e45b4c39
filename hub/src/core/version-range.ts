import { maxSatisfying, valid, validRange } from "semver";

export const versionRangeHint = 'write "1.x", "^2.3" or ">=1.2 <2"';

/** Whether a text is a range of versions as npm and Helm write it: `1.x`, `^2.3`, `>=1.2 <2`. */
export function isVersionRange(text: string): boolean {
  return text !== "" && text.length <= 256 && validRange(text) !== null;
}

/**
 * The newest of the versions that are in a range, as it is written there; a leading `v` is no part of it. What is no
 * version is passed over, and what comes before a release is taken only by a range that names one (semver.org §9, §11).
 */
export function newestIn(range: string, versions: Iterable<string>): string | undefined {
  const written = new Map<string, string>();
  for (const text of versions) {
    const version = text.length > 256 ? null : valid(text);
    // Of v1.0.0 and 1.0.0 the first, whichever that is: they are to mean the same.
    if (version !== null && !written.has(version)) written.set(version, text);
  }
  const newest = maxSatisfying([...written.keys()], range);
  return newest === null ? undefined : written.get(newest);
}
