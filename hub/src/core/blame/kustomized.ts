import type { Path } from "@drover/shared/decode";
import { canonicalJson } from "@drover/shared/digest";
import { canonicalize } from "@drover/shared/kube/canonical";
import { formatFieldPath } from "@drover/shared/kube/field-path";
import { fieldsOf, type Leaf } from "@drover/shared/kube/list-items";
import { splitApiVersion, type KubeObject, type Manifest } from "@drover/shared/kube/manifest";

import type { Application } from "../application.ts";
import { isKubeObject, objectsIn } from "../render/objects.ts";
import type { SnapshotFiles } from "../render/snapshot-files.ts";
import { markVariables } from "../variables.ts";
import { followCanonical, leafKey, setBy, type FieldOrigin, type Traced } from "./origins.ts";

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
  const known = new Map<string, FieldOrigin>();
  for (const file of found.toSorted((a, b) => Number(isOwn(a)) - Number(isOwn(b)))) {
    const { documents } = await snapshot.decode(file);
    for (const { value, positionOf } of objectsIn(documents)) {
      if (!isKubeObject(value) || !isSame(value, object)) continue;
      const originOf = (at: Path) => setBy({ kind: "kustomize", repository, at: positionOf(at) });
      const { value: canonical, origins } = followCanonical(value, canonicalize(value), originOf);
      // Whether the manifests hold variables or not.
      for (const one of [canonical, markVariables(canonical).value]) {
        for (const leaf of fieldsOf(one)) {
          const origin = origins.get(leafKey(leaf.path));
          if (origin !== undefined && !known.has(nameOf(leaf))) known.set(nameOf(leaf), origin);
        }
      }
    }
  }
  const kustomization = setBy({
    kind: "kustomize",
    repository,
    ...(manifest.at === undefined ? {} : { at: manifest.at }),
  });
  const origins = fieldsOf(object).map(
    (leaf) => [leafKey(leaf.path), known.get(nameOf(leaf)) ?? kustomization] as const,
  );
  return { value: object, origins: new Map(origins) };
}

/** Equal for the same field with the same value. */
function nameOf({ field, value }: Leaf): string {
  return `${formatFieldPath(field)} ${canonicalJson(value ?? null)}`;
}

function isSame(one: KubeObject, other: KubeObject): boolean {
  const group = ({ apiVersion }: KubeObject): string => splitApiVersion(apiVersion).group;
  return group(one) === group(other) && one.kind === other.kind && one.metadata.name === other.metadata.name;
}
