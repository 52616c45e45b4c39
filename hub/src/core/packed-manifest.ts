import { digestOfObject } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import type { Position } from "@drover/shared/errors";
import type { KubeObject, Manifest } from "@drover/shared/kube/manifest";

/**
 * A manifest that is kept as text: as an object it takes two to three times the memory, and every garbage collection looks
 * at all of its fields. Text and digest are made once, however often what an application comes to is worked out.
 */
export class PackedManifest implements Manifest {
  readonly at?: Position;
  /** With the keys in the order in which they are written: what is sent to agents is `encodeObject`. */
  readonly json: string;
  /** Of the object's blob. */
  readonly digest: Digest;
  /** The object with nothing but its identity. */
  readonly head: KubeObject;

  /** The object has to be canonical. */
  constructor(object: KubeObject, at: Position | undefined) {
    if (at !== undefined) this.at = at;
    this.json = JSON.stringify(object);
    this.digest = digestOfObject(object);
    const { apiVersion, kind, metadata } = object;
    const { name, namespace } = metadata;
    // Texts that were read from a file may be slices of it, and would keep the whole file.
    this.head = JSON.parse(JSON.stringify({ apiVersion, kind, metadata: { name, namespace } })) as KubeObject;
  }

  /** Read anew each time: whether something has changed is told by the manifest and not by its object. */
  get object(): KubeObject {
    return JSON.parse(this.json) as KubeObject;
  }
}

/** A manifest whose object is still to be changed. */
export function manifestOf(object: KubeObject, at: Position | undefined): Manifest {
  return at === undefined ? { object } : { object, at };
}

/** The identity of a manifest's object, at least. */
export function headOf(manifest: Manifest): KubeObject {
  return manifest instanceof PackedManifest ? manifest.head : manifest.object;
}

/** The JSON of a manifest's object. */
export function jsonOf(manifest: Manifest): string {
  return manifest instanceof PackedManifest ? manifest.json : JSON.stringify(manifest.object);
}
