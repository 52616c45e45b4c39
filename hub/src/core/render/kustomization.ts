import type { SnapshotFiles } from "./snapshot-files.ts";

/** The names that kustomize knows. */
const names = ["kustomization.yaml", "kustomization.yml", "Kustomization"] as const;

/** The path of the kustomization in a folder. */
export function findKustomization({ entries }: SnapshotFiles, folder: string): string | undefined {
  return names.map((name) => (folder === "" ? name : `${folder}/${name}`)).find((path) => entries.has(path));
}

export function isKustomization(path: string): boolean {
  return names.some((name) => path === name || path.endsWith(`/${name}`));
}
