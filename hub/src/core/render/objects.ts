import type { Position } from "@drover/shared/errors";
import { isRecord, textAt } from "@drover/shared/json";
import { canonicalize } from "@drover/shared/kube/canonical";
import { formatObjectKey, objectKey, type KubeObject, type Manifest } from "@drover/shared/kube/manifest";
import { sortByObject } from "@drover/shared/kube/order";
import type { Problem } from "@drover/shared/problems";

import { isDeclaration } from "../declarations.ts";
import { PackedManifest } from "../packed-manifest.ts";
import { findFaults } from "./faults.ts";
import { nameHook } from "./hook-name.ts";
import { maxObjectBytes, maxObjects, maxContentBytes } from "./limits.ts";
import type { Loaded, LoadedDocument, PartSink, ReadFile, ReadPart } from "./loaded.ts";

export interface Collected {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly Problem[];
}

/** Drover's own documents are left out. */
export function readFile({ documents, problems }: Loaded): ReadFile {
  return { parts: documents.flatMap(readDocument), problems };
}

/** The objects of a document, each by itself. */
export function readDocument(document: LoadedDocument): readonly ReadPart[] {
  return objectsIn([document]).flatMap((part) => (isDeclaration(part.value) ? [] : [readPart(part)]));
}

/**
 * Turns documents into canonical objects in apply order, each identity once. It takes them one by one, so that nobody
 * has to keep the documents of a whole application: with their places they take many times the memory of the objects.
 */
export class ObjectCollector implements PartSink {
  readonly #namespace: string;
  readonly #problems: Problem[] = [];
  readonly #byKey = new Map<string, PackedManifest>();
  #bytes = 0;

  /** `namespace` is for objects that name none. */
  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  get isFull(): boolean {
    return this.#bytes > maxContentBytes || this.#byKey.size > maxObjects;
  }

  take(parts: readonly ReadPart[]): void {
    for (const part of parts) if (!this.isFull) this.#add(part);
  }

  finish(): Collected {
    const problems = [...this.#problems];
    if (this.#bytes > maxContentBytes)
      problems.push(tooMuch(`the objects have more than ${maxContentBytes >> 20} MiB`));
    if (this.#byKey.size > maxObjects) problems.push(tooMuch(`there are more than ${maxObjects} objects`));
    return { manifests: sortByObject([...this.#byKey.values()], ({ head }) => head), problems };
  }

  #add({ manifest, faults, at }: ReadPart): void {
    this.#problems.push(...faults);
    if (manifest === undefined) return;
    const size = manifest.json.length;
    this.#bytes += size;
    if (size > maxObjectBytes) this.#problems.push(tooLarge(size, at));
    const key = objectKey(manifest.head);
    const identity = formatObjectKey({ ...key, namespace: key.namespace === "" ? this.#namespace : key.namespace });
    const earlier = this.#byKey.get(identity);
    if (earlier === undefined) this.#byKey.set(identity, manifest);
    else this.#problems.push(duplicate(identity, at, earlier.at));
  }
}

/** The same of documents that are all there. */
export function collectObjects(documents: readonly LoadedDocument[], namespace: string): Collected {
  const collector = new ObjectCollector(namespace);
  for (const document of documents) collector.take(readDocument(document));
  return collector.finish();
}

/** Each object by itself, as it is written. */
export function objectsIn(documents: readonly LoadedDocument[]): readonly LoadedDocument[] {
  return documents.flatMap((document) => flatten(document)).map(nameHook);
}

function readPart(part: LoadedDocument): ReadPart {
  const faults = findFaults(part);
  const at = part.positionOf([]);
  const isSound = faults.length === 0 && isKubeObject(part.value);
  return { manifest: isSound ? new PackedManifest(canonicalize(part.value), at) : undefined, at, faults };
}

/** The items of lists, and of lists in lists; `kubectl` does the same with every kind that ends in List. */
function flatten(part: LoadedDocument): readonly LoadedDocument[] {
  const kind = textAt(part.value, "kind");
  const items = isRecord(part.value) ? part.value["items"] : undefined;
  if (kind === undefined || !kind.endsWith("List") || !Array.isArray(items)) return [part];
  return items.flatMap((value: unknown, index) =>
    flatten({ value, positionOf: (path) => part.positionOf(["items", index, ...path]) }),
  );
}

export function isKubeObject(value: unknown): value is KubeObject {
  return (
    textAt(value, "apiVersion") !== undefined &&
    textAt(value, "kind") !== undefined &&
    textAt(value, "metadata", "name") !== undefined
  );
}

function duplicate(identity: string, at: Position, earlier: Position | undefined): Problem {
  const where = earlier === undefined ? "" : ` at ${earlier.file}:${earlier.line}`;
  return {
    code: "duplicate-object",
    severity: "error",
    message: `${identity} is declared a second time, first${where}`,
    at,
    hint: "remove one of the two",
  };
}

function tooLarge(size: number, at: Position): Problem {
  const message = `this object has ${size} bytes, more than the limit of ${maxObjectBytes}`;
  return { code: "output-too-large", severity: "error", message, at };
}

function tooMuch(message: string): Problem {
  return { code: "output-too-large", severity: "error", message, hint: "make several applications of it" };
}
