import type { Origin } from "@drover/shared/api/explanations";
import type { Path } from "@drover/shared/decode";
import { canonicalize } from "@drover/shared/kube/canonical";
import type { KubeObject, Manifest } from "@drover/shared/kube/manifest";

import type { Application } from "../application.ts";
import type { LoadedDocument } from "../render/loaded.ts";
import { isKubeObject, objectsIn } from "../render/objects.ts";
import type { SnapshotFiles } from "../render/snapshot-files.ts";
import { markManifests } from "../templates.ts";
import { markVariables } from "../variables.ts";
import { follow, followCanonical, followTexts, setBy, type Traced } from "./origins.ts";

/** A plain object with the place of each of its fields in the file that it is read from. */
export async function tracePlain(
  manifest: Manifest,
  { application, snapshot }: { readonly application: Application; readonly snapshot: SnapshotFiles },
): Promise<Traced<KubeObject>> {
  const { repository } = application.source;
  const part = await findPart(manifest, snapshot);
  if (part === undefined || !isKubeObject(part.value)) return traceWhole(manifest, { kind: "manifest", repository });
  const originOf = (path: Path) => setBy({ kind: "manifest", repository, at: part.positionOf(path) });
  const traced = followCanonical(part.value, canonicalize(part.value), originOf);
  if (!application.substitute) return traced;
  const [marked] = markManifests([{ object: traced.value }]).manifests;
  const rename = (name: string): string => markVariables(name).value;
  return followTexts(traced, marked?.object ?? traced.value, { rename, origin: (_leaf, known) => known });
}

/** An object of which nothing better is known than what printed it. */
export function traceWhole({ object, at }: Manifest, origin: Origin): Traced<KubeObject> {
  const known = setBy({ ...origin, ...(at === undefined ? {} : { at }) });
  return follow({ value: undefined, origins: new Map() }, object, () => known);
}

/** The one object of the file that begins where the manifest does. */
async function findPart({ at }: Manifest, snapshot: SnapshotFiles): Promise<LoadedDocument | undefined> {
  if (at === undefined) return undefined;
  const { documents } = await snapshot.decode(at.file);
  return objectsIn(documents).find((part) => {
    const { line, column } = part.positionOf([]);
    return line === at.line && column === at.column;
  });
}
