import { decodeBundle, decodeObject } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import { isRecord, textAt, type JsonRecord } from "@drover/shared/json";

import type { Content, ObjectName } from "./facts.ts";

const nothing: ReadonlyMap<ObjectName, Content> = new Map();

/** What is in every bundle that the hub ever assigned, by digest. */
export class Contents {
  readonly #bundles = new Map<Digest, ReadonlyMap<ObjectName, Content>>();

  of(bundle: Digest): ReadonlyMap<ObjectName, Content> {
    return this.#bundles.get(bundle) ?? nothing;
  }

  /** `read` yields the blobs that the hub has. */
  learn(bundle: Digest, read: (digest: Digest) => Uint8Array | undefined): void {
    const bytes = this.#bundles.has(bundle) ? undefined : read(bundle);
    if (bytes === undefined) return;
    const objects = decodeBundle(bundle, bytes).objects.flatMap((digest) => {
      const blob = read(digest);
      return blob === undefined ? [] : [decodeObject(digest, blob)];
    });
    this.#bundles.set(bundle, new Map(objects.map((object) => [nameOf(object), contentOf(object) ?? ""])));
  }
}

/** `ConfigMap default/web`. */
export function nameOf(object: JsonRecord): ObjectName {
  const namespace = textAt(object, "metadata", "namespace") ?? "default";
  return `${textAt(object, "kind")} ${namespace}/${textAt(object, "metadata", "name")}`;
}

export function contentOf(object: unknown): Content | undefined {
  return isRecord(object) ? (textAt(object, "data", "content") ?? textAt(object, "spec", "externalName")) : undefined;
}
