import { canonicalJson, digestOf, isDigest, type Digest } from "./digest.ts";
import { DroverError } from "./errors.ts";
import { isRecord } from "./json.ts";
import { apiVersionPattern, kindPattern, namePattern, namespacePattern, type KubeObject } from "./kube/manifest.ts";

/** The ordered objects of one application for one cluster, named by what they contain. */
export interface Bundle {
  readonly digest: Digest;
  /** Digests of the objects' canonical JSON, in apply order. */
  readonly objects: readonly Digest[];
}

export interface EncodedBundle {
  readonly bundle: Bundle;
  /** The bundle's own blob and one for each object, by digest: all that a cluster needs to fetch. */
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

/** Of one bundle; what has more is not read: content that never ends would fill the agent's disk. */
export const maxBundleObjects = 50_000;
export const maxBundleBytes = 256 * 1024 * 1024;
const format = "drover.dev/bundle/v1";
const utf8 = new TextEncoder();
const decoder = new TextDecoder();

/** Encodes objects that are already canonical and in apply order. Equal input gives equal digests on every machine. */
export function encodeBundle(objects: readonly KubeObject[]): EncodedBundle {
  const encoded = objects.map(encodeObject);
  const digests = encoded.map(({ digest }) => digest);
  const own = encodeContents(digests);
  const blobs = new Map([...encoded, own].map(({ digest, bytes }) => [digest, bytes]));
  return { bundle: { digest: own.digest, objects: digests }, blobs };
}

export interface Blob {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** The blob of one canonical object. */
export function encodeObject(object: KubeObject): Blob {
  return blobOf(canonicalJson(object));
}

/** The digest of `encodeObject` without its bytes. */
export function digestOfObject(object: KubeObject): Digest {
  return digestOf(canonicalJson(object));
}

/** The blob of a bundle itself, from the digests of its objects in apply order. */
export function encodeContents(objects: readonly Digest[]): Blob {
  return blobOf(contentsJson(objects));
}

/** The digest of `encodeContents` without its bytes. */
export function digestOfContents(objects: readonly Digest[]): Digest {
  return digestOf(contentsJson(objects));
}

/** As `canonicalJson` has it, which takes ten times as long for 20,000 digests. */
function contentsJson(objects: readonly Digest[]): string {
  return JSON.stringify({ format, objects });
}

function blobOf(json: string): Blob {
  const bytes = utf8.encode(json);
  return { digest: digestOf(bytes), bytes };
}

/** Reads a bundle's own blob. Throws `blob_corrupt` for anything that `encodeBundle` did not write. */
export function decodeBundle(digest: Digest, bytes: Uint8Array): Bundle {
  if (digestOf(bytes) !== digest) throw new DroverError("digest_mismatch", `blob ${digest} has other content`);
  const value = parseBlob(digest, bytes);
  if (!isBundleFile(value)) throw new DroverError("blob_corrupt", `blob ${digest} is not a bundle`);
  if (value.objects.length > maxBundleObjects) {
    throw new DroverError("input_too_large", `bundle ${digest} has more than ${maxBundleObjects} objects`);
  }
  return { digest, objects: value.objects };
}

/** Reads one object's blob, whose digest has been checked where it came from. Throws `blob_corrupt` for what is no object. */
export function decodeObject(digest: Digest, bytes: Uint8Array): KubeObject {
  const value = parseBlob(digest, bytes);
  if (!isKubeObject(value)) throw new DroverError("blob_corrupt", `blob ${digest} is not a Kubernetes object`);
  return value;
}

function parseBlob(digest: Digest, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    // The parser's own error quotes what it read.
    throw new DroverError("blob_corrupt", `blob ${digest} is not JSON`);
  }
}

function isBundleFile(value: unknown): value is { readonly objects: readonly Digest[] } {
  if (typeof value !== "object" || value === null || !("format" in value) || !("objects" in value)) return false;
  const { objects } = value;
  return (
    value.format === format && Array.isArray(objects) && objects.every((o) => typeof o === "string" && isDigest(o))
  );
}

/** An object whose identity makes up the path of its requests: one like `web/scale` would lead elsewhere (case 11). */
function isKubeObject(value: unknown): value is KubeObject {
  if (!isRecord(value) || !isRecord(value["metadata"])) return false;
  const { apiVersion, kind, metadata } = value;
  const fits = (pattern: RegExp, text: unknown): boolean => typeof text === "string" && pattern.test(text);
  const isTyped = fits(apiVersionPattern, apiVersion) && fits(kindPattern, kind);
  const isPlaced = (metadata["namespace"] ?? "") === "" || fits(namespacePattern, metadata["namespace"]);
  return isTyped && isPlaced && fits(namePattern, metadata["name"]);
}
