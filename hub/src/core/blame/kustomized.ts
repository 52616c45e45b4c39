import { canonicalJson } from "@drover/shared/digest";
import type { Position } from "@drover/shared/errors";
import type { FieldPath } from "@drover/shared/kube/field-path";
import { fieldPathOf, placesOf } from "@drover/shared/kube/list-items";
import { splitApiVersion, type KubeObject, type Manifest } from "@drover/shared/kube/manifest";

import type { Application } from "../application.ts";
import type { LoadedDocument } from "../render/loaded.ts";
import { isKubeObject, objectsIn } from "../render/objects.ts";
import type { SnapshotFiles } from "../render/snapshot-files.ts";
import { markVariables } from "../variables.ts";
import { leafKey, leavesOf, setBy, valueAtPath, type Traced } from "./origins.ts";

/** The files that a build of the kustomization in a folder can read. */
export type KustomizeFiles = (path: string) => Promise<readonly string[]>;

/**
 * What kustomize printed has no places. A field is said to be from where a file of the build has the same object with the
 * same value there, those of the application's own folder last, and else from the kustomization.
 */
export async function traceKustomized(
  manifest: Manifest,
  {
    application,
    snapshot,
    files,
  }: { readonly application: Application; readonly snapshot: SnapshotFiles; readonly files: KustomizeFiles },
): Promise<Traced<KubeObject>> {
  const { object } = manifest;
  const { repository, path } = application.source;
  const isOwn = (file: string): boolean => file.startsWith(`${path}/`);
  const found = (await files(path)).filter((file) => /\.(?:ya?ml|json)$/iu.test(file));
  const sources: LoadedDocument[] = [];
  for (const file of found.toSorted((a, b) => Number(isOwn(a)) - Number(isOwn(b)))) {
    const { documents } = await snapshot.decode(file);
    sources.push(...objectsIn(documents).filter(({ value }) => isKubeObject(value) && isSame(value, object)));
  }
  const placeOf = (leaf: FieldPath, value: unknown): Position | undefined => {
    for (const source of sources) {
      const written = placesOf(source.value, leaf);
      if (written.length < leaf.length) continue;
      const marked = markVariables(valueAtPath(source.value, written)).value;
      const same = [marked, valueAtPath(source.value, written)].some(
        (one) => canonicalJson(one ?? null) === canonicalJson(value ?? null),
      );
      if (same) return source.positionOf(written);
    }
    return manifest.at;
  };
  const origins = leavesOf(object).map(({ path: leaf, value }) => {
    const at = placeOf(fieldPathOf(object, leaf), value);
    return [leafKey(leaf), setBy({ kind: "kustomize", repository, ...(at === undefined ? {} : { at }) })] as const;
  });
  return { value: object, origins: new Map(origins) };
}

function isSame(one: KubeObject, other: KubeObject): boolean {
  const group = ({ apiVersion }: KubeObject): string => splitApiVersion(apiVersion).group;
  return group(one) === group(other) && one.kind === other.kind && one.metadata.name === other.metadata.name;
}
