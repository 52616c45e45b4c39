/** A revision as people write it, `main@4be1f02`, `6.5.1@sha256:6b0a1e5`; short texts and names of branches stay. */
export function shortRevision(revision: string): string {
  return revision
    .replaceAll(/\b[0-9a-f]{40}\b/gu, (commit) => commit.slice(0, 7))
    .replaceAll(/\bsha256:[0-9a-f]{64}\b/gu, (digest) => digest.slice(0, "sha256:".length + 7));
}
