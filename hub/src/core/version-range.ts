import semver from "semver";

/** Whether it is one whole version: `6.5.1`, `v1.2.3-rc.1`. */
export function isVersion(text: string): boolean {
  return semver.valid(text) !== null;
}

export const rangeHint = 'write "1.x", "^2.3" or ">=1.2 <2"';

/** Whether it is a range of versions: `6.x`, `^6.1`, `>=6.0.0 <7`, `*`; with commas for "and", as Helm's users write it. */
export function isRange(text: string): boolean {
  return text !== "" && text.length <= 256 && semver.validRange(spaced(text)) !== null;
}

/**
 * The version that is meant, as it is written in the list: the very same text, else the newest in the range. A range takes
 * pre-releases only where it names one. What is no version is never in a range.
 */
export function pickVersion(wanted: string, versions: readonly string[]): string | undefined {
  if (versions.includes(wanted)) return wanted;
  return semver.maxSatisfying(versions, spaced(wanted)) ?? undefined;
}

/** Whether the first is older than the second; false where one is no version. */
export function isOlder(version: string, other: string): boolean {
  return isVersion(version) && isVersion(other) && semver.lt(version, other);
}

function spaced(range: string): string {
  return range.replaceAll(",", " ");
}
