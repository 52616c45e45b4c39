import { digestOf, type Digest } from "../digest.ts";

/**
 * Stands for what is reported of all applications of a cluster: equal on both ends when the hub has exactly what the
 * agent would send. Reports without a digest, of earlier agents, make it unequal to anything.
 */
export function digestOfReports(reports: Iterable<readonly [application: string, digest: Digest | undefined]>): Digest {
  return digestOf(JSON.stringify([...reports].toSorted(([a], [b]) => (a < b ? -1 : 1))));
}
