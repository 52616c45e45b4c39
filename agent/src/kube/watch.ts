import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { numberAt, recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { backoffMs, type Backoff, type Random } from "@drover/shared/retry";

import { collectionPath, metadataListOnly, metadataOnly, type KubeApi, type Resource } from "./api.ts";

export interface WatchOptions {
  readonly api: KubeApi;
  readonly resource: Resource;
  /** "" = all objects. */
  readonly labelSelector: string;
  /** Leaves everything but metadata on the server. */
  readonly metadataOnly: boolean;
  readonly clock: Clock;
  readonly random: Random;
}

/** What a watcher is told. Calls never overlap; objects must not be kept, since they may be whole bodies. */
export interface WatchHandler {
  /** One object as it is now. */
  seen(object: JsonRecord): void;
  /** One object as it was when it left the selection: deleted, or its label was removed. */
  left(object: JsonRecord): void;
  listing(): void;
  /** A list is complete: what was not seen since `listing` was not there at this resource version. */
  listed(resourceVersion: string): void;
  /** A list or watch was refused or broke off; it is tried again after a wait. */
  interrupted(error: DroverError): void;
}

const pageSize = 500;
const backoff: Backoff = { baseMs: 500, factor: 2, capMs: 30_000, jitter: 0.5 };
const shortestMs = 1000;
const relistAfter = 4;
const watchSeconds = { min: 290, spread: 300 };
/** A watch that outlives its own end by this much hangs on a dead connection. */
const overdueMs = 20_000;

/** Follows the objects of one kind until the signal aborts: list, watch, resume, and list again when that is refused. */
export async function watchKind(options: WatchOptions, handler: WatchHandler, signal: AbortSignal): Promise<void> {
  const { clock, random } = options;
  const cursor: Cursor = { position: "" };
  let failures = 0;
  while (!signal.aborted) {
    const startedAt = clock.now();
    try {
      if (cursor.position === "") cursor.position = await list(options, handler, signal);
      await follow(options, handler, { cursor, signal });
    } catch (cause) {
      if (signal.aborted) return;
      handler.interrupted(DroverError.from(cause, "api_unreachable"));
    }
    // Whatever ends at once, even without an error, must not become a loop of requests.
    failures = clock.now() - startedAt > shortestMs ? 0 : failures + 1;
    // After a longer interruption a list shows how things are, where a resumed watch would only show what changes next.
    if (failures >= relistAfter) cursor.position = "";
    const waitMs = backoffMs(backoff, Math.max(0, failures - 1), random);
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}

/** Where a watch has come to; "" when only a new list can tell. */
interface Cursor {
  position: string;
}

/** Lists all objects once, page by page, and returns the resource version to watch from. */
export async function list(options: WatchOptions, handler: WatchHandler, signal: AbortSignal): Promise<string> {
  const { api, resource, labelSelector } = options;
  handler.listing();
  let from = "";
  for (;;) {
    const query = new URLSearchParams({ limit: String(pageSize) });
    if (labelSelector !== "") query.set("labelSelector", labelSelector);
    if (from !== "") query.set("continue", from);
    const path = `${collectionPath(resource)}?${query.toString()}`;
    const accept = options.metadataOnly ? { accept: metadataListOnly } : {};
    const answer = await api.request({ method: "GET", path, ...accept }, signal);
    if (answer.kind === "refused") throw refused(answer.refusal.status, "list", resource);
    for (const item of recordsAt(answer.body, "items")) handler.seen(item);
    from = textAt(answer.body, "metadata", "continue") ?? "";
    if (from !== "") continue;
    const resourceVersion = textAt(answer.body, "metadata", "resourceVersion") ?? "";
    handler.listed(resourceVersion);
    return resourceVersion;
  }
}

async function follow(
  options: WatchOptions,
  handler: WatchHandler,
  { cursor, signal }: { readonly cursor: Cursor; readonly signal: AbortSignal },
): Promise<void> {
  const { api, resource, labelSelector, clock, random } = options;
  const seconds = Math.round(watchSeconds.min + watchSeconds.spread * random());
  const query = new URLSearchParams({
    watch: "1",
    allowWatchBookmarks: "true",
    resourceVersion: cursor.position,
    timeoutSeconds: String(seconds),
  });
  if (labelSelector !== "") query.set("labelSelector", labelSelector);
  const ended = new AbortController();
  const stop = (): void => ended.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  clock.sleep(seconds * 1000 + overdueMs, ended.signal).then(
    () => ended.abort(new DroverError("timeout", "the watch hangs")),
    () => undefined,
  );
  try {
    const path = `${collectionPath(resource)}?${query.toString()}`;
    const accept = options.metadataOnly ? metadataOnly : "application/json";
    const answer = await api.stream(path, accept, ended.signal);
    if (answer.kind === "refused") {
      if (answer.refusal.status === 410) cursor.position = "";
      throw refused(answer.refusal.status, "watch", resource);
    }
    await consume(answer.lines, handler, cursor);
  } finally {
    signal.removeEventListener("abort", stop);
    ended.abort();
  }
}

async function consume(lines: AsyncIterable<unknown>, handler: WatchHandler, cursor: Cursor): Promise<void> {
  for await (const line of lines) {
    const type = textAt(line, "type");
    const object = recordAt(line, "object");
    if (object === undefined) continue;
    if (type === "ERROR") {
      const status = numberAt(object, "code") ?? 0;
      // 410: the server no longer has the changes since then. Anything else: it is in trouble.
      if (status === 410) cursor.position = "";
      throw new DroverError("api_unreachable", `the API server ended a watch with ${status}`);
    }
    cursor.position = textAt(object, "metadata", "resourceVersion") ?? cursor.position;
    if (type === "ADDED" || type === "MODIFIED") handler.seen(object);
    else if (type === "DELETED") handler.left(object);
  }
}

function refused(status: number, verb: string, resource: Resource): DroverError {
  const name = `${resource.plural}${resource.group === "" ? "" : `.${resource.group}`}`;
  if (status === 403) {
    return new DroverError("forbidden", `the agent may not ${verb} ${name}`, {
      hint: `grant its service account the verbs list and watch on ${name}`,
    });
  }
  if (status === 404) return new DroverError("kind_missing", `the API server has no ${name}`);
  return new DroverError("api_unreachable", `the API server answered ${status} to ${verb} ${name}`);
}
