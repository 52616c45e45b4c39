import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { numberAt, recordAt, textAt, type JsonRecord } from "@drover/shared/json";
import { backoffMs, type Backoff, type Random } from "@drover/shared/retry";

import {
  collectionPath,
  itemsOf,
  metadataListOnly,
  metadataOnly,
  type KubeAnswer,
  type KubeApi,
  type Resource,
} from "./api.ts";

export interface WatchOptions {
  readonly api: KubeApi;
  readonly resource: Resource;
  /** Default: everywhere. */
  readonly namespace?: string;
  /** "" = all objects. */
  readonly labelSelector: string;
  /** Leaves everything but metadata on the server. */
  readonly metadataOnly: boolean;
  /** The server can begin a watch with what there is (since 1.32), which is lighter than a list for both sides. */
  readonly initialEvents?: boolean;
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
  /**
   * A list is complete: what was not seen since `listing` was not there at this resource version. Rejects when that is
   * not to be believed; then all is listed once more.
   */
  listed(resourceVersion: string, signal: AbortSignal): Promise<void> | void;
  /** A list or watch was refused or broke off; it is tried again after a wait. */
  interrupted(error: DroverError, signal: AbortSignal): Promise<void> | void;
  /** It has failed so often in a row that nothing is known of the objects until the next list. */
  lost(error: DroverError): void;
}

const pageSize = 500;
const backoff: Backoff = { baseMs: 500, factor: 2, capMs: 30_000, jitter: 0.5 };
const shortestMs = 1000;
const lostAfter = 4;
const watchSeconds = { min: 290, spread: 300 };
/** A watch that outlives its own end by this much hangs on a dead connection. */
const overdueMs = 20_000;
/** What there is comes at once, or the server does not know how to begin with it. */
const initialMs = 60_000;
const initialEventsEnd = "k8s.io/initial-events-end";

/** Where a watch has come to. */
interface Cursor {
  /** "" when only a new list can tell. */
  position: string;
  /** Whether a watch may begin with what there is. */
  initialEvents: boolean;
  /** When the watch was opened; undefined while it is not. */
  openedAt: number | undefined;
}

/** Follows the objects of one kind until the signal aborts: list, watch, resume, and list again when that is refused. */
export async function watchKind(options: WatchOptions, handler: WatchHandler, signal: AbortSignal): Promise<void> {
  const { clock, random } = options;
  const cursor: Cursor = { position: "", initialEvents: options.initialEvents ?? false, openedAt: undefined };
  let failures = 0;
  while (!signal.aborted) {
    let error: DroverError | undefined;
    cursor.openedAt = undefined;
    try {
      if (cursor.position === "" && !cursor.initialEvents) cursor.position = await list(options, handler, signal);
      await follow(options, handler, { cursor, signal });
    } catch (cause) {
      if (signal.aborted) return;
      error = DroverError.from(cause, "api_unreachable");
      await handler.interrupted(error, signal);
    }
    // Whatever ends at once, even without an error, must not become a loop of requests.
    const lasted = cursor.openedAt !== undefined && clock.now() - cursor.openedAt > shortestMs;
    failures = lasted ? 0 : failures + 1;
    if (failures > 0 && failures % lostAfter === 0) {
      // After a longer interruption a list shows how things are, where a resumed watch would only show what changes next.
      cursor.position = "";
      if (error !== undefined) handler.lost(error);
    }
    const waitMs = backoffMs(backoff, Math.max(0, failures - 1), random);
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}

/** Lists all objects once, page by page, and returns the resource version to watch from. */
export async function list(options: WatchOptions, handler: WatchHandler, signal: AbortSignal): Promise<string> {
  // A list so long that its pages expire while it is read is had from the server's cache instead, which keeps it whole.
  for (const from of ["store", "store", "cache"] as const) {
    handler.listing();
    const resourceVersion = await listPages(options, handler, { from, signal });
    if (resourceVersion === undefined) continue;
    await handler.listed(resourceVersion, signal);
    return resourceVersion;
  }
  throw refused(410, "list", options.resource);
}

/** undefined when a page had expired before it was read. */
async function listPages(
  options: WatchOptions,
  handler: WatchHandler,
  { from, signal }: { readonly from: "store" | "cache"; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const { resource } = options;
  let next = "";
  for (;;) {
    const answer = await listPage(options, { limit: pageSize, from, next }, signal);
    if (answer.kind === "refused") {
      if (answer.refusal.status === 410 && next !== "") return undefined;
      throw refused(answer.refusal.status, "list", resource);
    }
    for (const item of itemsOf(answer.body, `a list of ${resource.plural}`)) handler.seen(item);
    next = textAt(answer.body, "metadata", "continue") ?? "";
    if (next === "") return textAt(answer.body, "metadata", "resourceVersion") ?? "";
  }
}

/** Whether a list of one item holds none. Throws `api_unreachable` when the server cannot tell. */
export async function isEmpty(options: WatchOptions, signal: AbortSignal): Promise<boolean> {
  const { resource } = options;
  const answer = await listPage(options, { limit: 1, from: "store", next: "" }, signal);
  if (answer.kind === "refused") throw refused(answer.refusal.status, "list", resource);
  return itemsOf(answer.body, `a list of ${resource.plural}`).length === 0;
}

function listPage(
  options: WatchOptions,
  page: { readonly limit: number; readonly from: "store" | "cache"; readonly next: string },
  signal: AbortSignal,
): Promise<KubeAnswer> {
  const { api, resource, namespace, labelSelector } = options;
  const query = new URLSearchParams({ limit: String(page.limit) });
  if (labelSelector !== "") query.set("labelSelector", labelSelector);
  if (page.next !== "") query.set("continue", page.next);
  else if (page.from === "cache") query.set("resourceVersion", "0");
  const path = `${collectionPath(resource, namespace)}?${query.toString()}`;
  const accept = options.metadataOnly ? { accept: metadataListOnly } : {};
  return api.request({ method: "GET", path, ...accept }, signal);
}

async function follow(
  options: WatchOptions,
  handler: WatchHandler,
  { cursor, signal }: { readonly cursor: Cursor; readonly signal: AbortSignal },
): Promise<void> {
  // A list may be answered after the end has come; nothing would end a watch that is opened then.
  signal.throwIfAborted();
  const { api, resource, clock, random } = options;
  const seconds = Math.round(watchSeconds.min + watchSeconds.spread * random());
  const ended = new AbortController();
  const stop = (): void => ended.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const endAfter = (ms: number, unless: AbortSignal, why: string): void => {
    clock.sleep(ms, unless).then(
      () => ended.abort(new DroverError("timeout", why)),
      () => undefined,
    );
  };
  endAfter(seconds * 1000 + overdueMs, ended.signal, "the watch hangs");
  const isFirst = cursor.position === "";
  try {
    if (isFirst) handler.listing();
    const accept = options.metadataOnly ? metadataOnly : "application/json";
    const answer = await api.stream(watchPath(options, cursor, seconds), accept, ended.signal);
    if (answer.kind === "refused") {
      const { status } = answer.refusal;
      if (status === 410) cursor.position = "";
      // The server is new enough, but was told not to.
      if (isFirst && (status === 422 || status === 400)) return void (cursor.initialEvents = false);
      throw refused(status, "watch", resource);
    }
    cursor.openedAt = clock.now();
    const begun = new AbortController();
    if (isFirst) endAfter(initialMs, AbortSignal.any([ended.signal, begun.signal]), "the watch does not begin");
    await consume(answer.lines, handler, { cursor, begun, signal });
  } catch (cause) {
    if (isFirst && cursor.position === "" && DroverError.from(cause).code === "timeout") cursor.initialEvents = false;
    throw cause;
  } finally {
    signal.removeEventListener("abort", stop);
    ended.abort();
  }
}

function watchPath(
  { resource, namespace, labelSelector }: WatchOptions,
  { position }: Cursor,
  seconds: number,
): string {
  const start = position === "" ? { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" } : {};
  const query = new URLSearchParams({
    watch: "1",
    allowWatchBookmarks: "true",
    resourceVersion: position,
    timeoutSeconds: String(seconds),
    ...start,
  });
  if (labelSelector !== "") query.set("labelSelector", labelSelector);
  return `${collectionPath(resource, namespace)}?${query.toString()}`;
}

async function consume(
  lines: AsyncIterable<unknown>,
  handler: WatchHandler,
  { cursor, begun, signal }: { readonly cursor: Cursor; readonly begun: AbortController; readonly signal: AbortSignal },
): Promise<void> {
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
    if (type === "ADDED" || type === "MODIFIED") handler.seen(object);
    else if (type === "DELETED") handler.left(object);
    const resourceVersion = textAt(object, "metadata", "resourceVersion") ?? "";
    if (cursor.position === "") {
      // Until all that there was has come, the watch cannot be resumed.
      if (textAt(object, "metadata", "annotations", initialEventsEnd) !== "true") continue;
      begun.abort();
      await handler.listed(resourceVersion, signal);
    }
    if (resourceVersion !== "") cursor.position = resourceVersion;
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
