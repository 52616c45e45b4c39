import { decodeBundle, decodeObject, maxBundleBytes, type Bundle } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { numberAt } from "@drover/shared/json";
import {
  formatObjectKey,
  objectKey,
  splitApiVersion,
  type KubeObject,
  type ObjectKey,
} from "@drover/shared/kube/manifest";
import type { Assignment } from "@drover/shared/link/link";

import { readHook } from "../core/hooks.ts";
import { orderOf, type Order } from "../core/order.ts";
import { pruneRuleOf } from "../core/prune-rule.ts";
import {
  clearObstacle,
  dropRecord,
  recordOf,
  setVerdict,
  type ApplicationRecord,
  type ObjectRecord,
} from "../core/record.ts";
import { createRun, hasEnded, type Run } from "../core/run.ts";
import { lastVerdict } from "../core/runs.ts";
import type { Resource } from "../kube/api.ts";
import type { Context } from "./context.ts";
import { createLimit } from "./limit.ts";
import { saveInventory } from "./save-inventory.ts";

const readAtOnce = 16;
/** What came from the hub may wait for the disk with so many bytes, and one blob more. */
const unwrittenBytes = 256 << 10;

/** What a bundle has, next to what the application's records have. */
export interface Content {
  readonly bundle: Digest;
  readonly unchanged: readonly ObjectRecord[];
  /** Other content than the record has, or no record yet. */
  readonly changed: readonly Desired[];
}

/** What it takes to bring a bundle to the disk and to read it. */
export interface ContentSources extends Pick<Context, "fetchBlobs" | "log"> {
  readonly blobs: Pick<Context["blobs"], "missing" | "read" | "write">;
  readonly discovery: Pick<Context["discovery"], "find">;
}

/** Brings every blob of the assigned bundle to the disk, and reads what is new. */
export async function readContent(
  context: ContentSources,
  options: { readonly application: ApplicationRecord; readonly assignment: Assignment },
  signal: AbortSignal,
): Promise<Content> {
  const { application, assignment } = options;
  const bundle = await fetchBundle(context, assignment.bundle, signal);
  // Keys hold for as long as the default namespace does.
  const known = new Map<Digest, ObjectRecord>();
  if (application.namespace === assignment.namespace) {
    for (const record of application.objects.values()) if (record.placed) known.set(record.desired, record);
  }
  const disk = createLimit(() => readAtOnce);
  const unchanged: ObjectRecord[] = [];
  const read = await Promise.all(
    bundle.objects.map(async (digest) => {
      const record = known.get(digest);
      if (record === undefined)
        return disk(() => readDesired(context, digest, { namespace: assignment.namespace, signal }));
      unchanged.push(record);
      return undefined;
    }),
  );
  const changed = read
    .filter((desired) => desired !== undefined)
    .filter(({ skipped }) => !skipped)
    .map((desired) => whereItWas(application, desired));
  refuseTwins([...unchanged.map(({ key }) => formatObjectKey(key)), ...changed.map(idOf)]);
  return { bundle: bundle.digest, unchanged, changed };
}

/**
 * Of two objects that are one in the cluster no order could tell which is meant, and each bundle might take the other.
 * The hub refuses them too, but does not know every kind's scope. Throws `blob_corrupt`.
 */
function refuseTwins(ids: readonly string[]): void {
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) throw new DroverError("blob_corrupt", `the bundle has ${id} twice`);
    seen.add(id);
  }
}

/** Brings the application's records in line with a bundle. */
export function takeIn(application: ApplicationRecord, content: Content, namespace: string): void {
  const wanted = new Set([...content.unchanged.map(({ key }) => formatObjectKey(key)), ...content.changed.map(idOf)]);
  application.bundles += 1;
  for (const [id, record] of application.objects) if (!wanted.has(id)) leaveBundle(application, record);
  for (const desired of content.changed) enterBundle(application, desired);
  if (application.bundle !== content.bundle) application.previous = application.bundle;
  application.bundle = content.bundle;
  application.namespace = namespace;
  application.waits = new Map();
}

/**
 * Looks again for a kind that was missing. Returns the record to go on with: another one when the object turns out to
 * belong elsewhere than it said.
 */
export async function placeRecord(
  context: Context,
  { application, record }: { readonly application: ApplicationRecord; readonly record: ObjectRecord },
  signal: AbortSignal,
): Promise<ObjectRecord> {
  if (record.placed || record.desired === "") return record;
  const found = await readDesired(context, record.desired, { namespace: application.namespace, signal });
  if (!found.placed) return record;
  record.placed = true;
  if (idOf(found) === formatObjectKey(record.key)) return record;
  dropRecord(application, record.key);
  const moved = enterBundle(application, found);
  await saveInventory(context, application, signal);
  return moved;
}

/** The bundles themselves and all that they consist of, as far as they are on the disk. */
export async function blobsOf(context: Context, bundles: readonly Digest[]): Promise<ReadonlySet<Digest>> {
  const digests = new Set<Digest>();
  for (const digest of bundles) {
    const bytes = await context.blobs.read(digest);
    if (bytes === undefined) continue;
    digests.add(digest);
    for (const object of decodeBundle(digest, bytes).objects) digests.add(object);
  }
  return digests;
}

/** Throws `blob_missing` when the blob is not on the disk although it should be. */
export async function readObject(context: Pick<ContentSources, "blobs">, digest: Digest): Promise<KubeObject> {
  const bytes = await context.blobs.read(digest);
  if (bytes === undefined) throw new DroverError("blob_missing", `blob ${digest} is not on the disk`);
  return decodeObject(digest, bytes);
}

async function fetchBundle(context: ContentSources, digest: Digest, signal: AbortSignal): Promise<Bundle> {
  let bytes = await context.blobs.read(digest);
  if (bytes === undefined) {
    await fetchMissing(context, [digest], signal);
    bytes = await context.blobs.read(digest);
  }
  if (bytes === undefined) throw new DroverError("blob_missing", `the hub did not send bundle ${digest}`);
  const bundle = decodeBundle(digest, bytes);
  await fetchMissing(context, bundle.objects, signal);
  return bundle;
}

async function fetchMissing(context: ContentSources, digests: readonly Digest[], signal: AbortSignal): Promise<void> {
  const missing = context.blobs.missing(digests);
  if (missing.length === 0) return;
  let batch: Promise<void>[] = [];
  let unwritten = 0;
  let fetched = 0;
  for await (const { digest, bytes } of context.fetchBlobs(missing, signal)) {
    fetched += bytes.byteLength;
    if (fetched > maxBundleBytes) {
      throw new DroverError("input_too_large", `the bundle has more than ${maxBundleBytes} bytes`);
    }
    const write = context.blobs.write(digest, bytes);
    // Awaited with its batch; a failure before that is no unhandled one.
    write.catch(() => undefined);
    batch.push(write);
    unwritten += bytes.byteLength;
    if (unwritten < unwrittenBytes) continue;
    await Promise.all(batch);
    batch = [];
    unwritten = 0;
  }
  await Promise.all(batch);
  const still = context.blobs.missing(missing);
  if (still.length > 0) throw new DroverError("blob_missing", `the hub did not send ${still.length} of the blobs`);
}

/** What records need to know of an object of a bundle, and where it belongs. Its body stays on the disk. */
export interface Desired {
  readonly digest: Digest;
  /** With the namespace that it belongs to. */
  readonly key: ObjectKey;
  readonly version: string;
  readonly placed: boolean;
  readonly order: Order;
  /** What it is run as, if it is; as a first time. */
  readonly run: Run | undefined;
  /** Tests of a chart and the like are part of the bundle and never applied. */
  readonly skipped: boolean;
  readonly keep: boolean;
  readonly replicas: number | undefined;
}

async function readDesired(
  context: ContentSources,
  digest: Digest,
  options: { readonly namespace: string; readonly signal: AbortSignal },
): Promise<Desired> {
  const object = await readObject(context, digest);
  const resource = await findKind(context, object, options.signal);
  const declared = object.metadata.namespace ?? "";
  const namespaced = declared === "" ? options.namespace || "default" : declared;
  const hook = readHook(object);
  return {
    digest,
    key: { ...objectKey(object), namespace: resource?.namespaced === false ? "" : namespaced },
    version: splitApiVersion(object.apiVersion).version,
    placed: resource !== undefined,
    order: orderOf(object),
    run: createRun(object, hook === "skip" ? undefined : hook, undefined),
    skipped: hook === "skip",
    keep: pruneRuleOf(object) === "keep",
    replicas: numberAt(object, "spec", "replicas"),
  };
}

/** One group that cannot be asked stops only its own objects: they wait as if their kind were missing. */
async function findKind(
  context: ContentSources,
  object: KubeObject,
  signal: AbortSignal,
): Promise<Resource | undefined> {
  const kind = { ...splitApiVersion(object.apiVersion), kind: object.kind };
  try {
    return await context.discovery.find(kind, signal);
  } catch (cause) {
    signal.throwIfAborted();
    context.log.debug({ kind: kind.kind, code: DroverError.from(cause).code }, "kind cannot be found out");
    return undefined;
  }
}

/** While it cannot be told whether a kind is namespaced, its objects stay where they were. */
function whereItWas(application: ApplicationRecord, desired: Desired): Desired {
  if (desired.placed) return desired;
  const clusterWide = { ...desired, key: { ...desired.key, namespace: "" }, placed: true };
  return application.objects.get(idOf(clusterWide))?.placed === true ? clusterWide : desired;
}

/** Of everything that a bundle has. */
export function keysOf({ unchanged, changed }: Content): readonly ObjectKey[] {
  return [...unchanged, ...changed].map(({ key }) => key);
}

function idOf({ key }: Desired): string {
  return formatObjectKey(key);
}

function enterBundle(application: ApplicationRecord, desired: Desired): ObjectRecord {
  const { digest, key, version, run } = desired;
  const record = recordOf(application, key, version);
  if (record.desired === digest) return record;
  if (record.version !== version) application.shape += 1;
  if (record.desired === "") record.moved = application.bundles;
  if (record.departure?.confirmed === true) application.shape += 1;
  record.departure = undefined;
  record.keep = desired.keep;
  record.desired = digest;
  record.version = version;
  record.placed = desired.placed;
  record.order = desired.order;
  record.run = run === undefined ? undefined : { ...run, ended: record.run?.ended };
  record.replicas = desired.replicas;
  record.abandoned = "";
  record.drift = undefined;
  record.yielded = "";
  clearObstacle(record);
  // What has ended and is not there any more is not made for the sake of its labels.
  if (record.uid === "" && record.run !== undefined && hasEnded(record.run)) {
    record.applied = digest;
    setVerdict(record, lastVerdict(record.run));
  }
  return record;
}

/** The application no longer wants the object: it is to be pruned. */
export function leaveBundle(application: ApplicationRecord, record: ObjectRecord): void {
  if (record.departure?.released === true) return dropRecord(application, record.key);
  if (record.desired === "") return;
  record.moved = application.bundles;
  record.desired = "";
  record.applied = "";
  record.repair = undefined;
  record.drift = undefined;
  clearObstacle(record);
}
