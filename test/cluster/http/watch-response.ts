import type { Clock } from "../clock.ts";
import { isRecord } from "../json.ts";
import { apiVersionOf } from "../resources/kinds.ts";
import { representObject, type View } from "../resources/represent.ts";
import type { WatchItem, WatchSource } from "../storage/watch.ts";
import type { AnyResponse } from "./listener.ts";
import { standardHeaders } from "./respond.ts";
import { statusBody } from "./status.ts";

export type WatchResponseOptions = {
  readonly view: View;
  readonly clock: Clock;
  readonly bookmarks: boolean;
  readonly bookmarkIntervalMs: number;
  /** Undefined: until the client leaves. */
  readonly timeoutMs: number | undefined;
};

const batchSize = 200;

/** Streams a watch until its time is over, its source ends or the client leaves. */
export function streamWatch(response: AnyResponse, source: WatchSource, options: WatchResponseOptions): void {
  const { clock } = options;
  let { view } = options;
  const cancels: (() => void)[] = [];
  let blocked = false;
  let closed = false;

  const close = (): void => {
    if (closed) return;
    closed = true;
    for (const cancel of cancels) cancel();
    if (!response.destroyed) response.end("");
  };
  // The times of ages are those of each event, and a table's columns come with its first event only.
  const format = (item: WatchItem): string => {
    const text = line({ ...view, table: { ...view.table, nowMs: clock.now() } }, item);
    view = { ...view, table: { ...view.table, columns: false } };
    return text;
  };
  const isWritable = (): boolean => !blocked && !closed;
  const pump = (): void => {
    while (isWritable()) {
      const items = source.read(batchSize);
      if (items.length === 0) {
        if (source.ended) close();
        return;
      }
      blocked = !response.write(items.map(format).join(""));
    }
  };
  const bookmark = (): void => {
    if (!options.bookmarks || !isWritable() || !source.initialDone) return;
    blocked = !response.write(format({ type: "BOOKMARK", revision: source.revision, initialEventsEnd: false }));
  };

  response.writeHead(200, { ...standardHeaders, "content-type": "application/json;stream=watch" });
  response.on("drain", () => {
    blocked = false;
    pump();
  });
  response.on("close", close);
  cancels.push(source.onEvent(pump));
  if (options.bookmarks) cancels.push(repeat(clock, options.bookmarkIntervalMs, bookmark));
  if (options.timeoutMs !== undefined) {
    const expire = (): void => {
      bookmark();
      close();
    };
    cancels.push(clock.schedule(expire, options.timeoutMs));
  }
  // Headers leave at once: a client waits for them before it knows that it watches.
  response.flushHeaders?.();
  pump();
}

function repeat(clock: Clock, intervalMs: number, callback: () => void): () => void {
  let cancel = clock.schedule(function again() {
    callback();
    cancel = clock.schedule(again, intervalMs);
  }, intervalMs);
  return () => {
    cancel();
  };
}

function line(view: View, item: WatchItem): string {
  const [type, object] = item.type === "ERROR" ? ["ERROR", statusBody(item.error)] : [item.type, objectOf(view, item)];
  return `${JSON.stringify({ type, object })}\n`;
}

function objectOf(view: View, item: Exclude<WatchItem, { type: "ERROR" }>): unknown {
  if (item.type !== "BOOKMARK") return representObject(view, item.object);
  const { info } = view.kind;
  const annotations = item.initialEventsEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {};
  const metadata = { resourceVersion: String(item.revision), creationTimestamp: null, ...annotations };
  const bookmark = { kind: info.kind, apiVersion: apiVersionOf(info), metadata };
  if (view.as === "full") return bookmark;
  const shown = representObject(view, { ...bookmark, metadata: { ...metadata } });
  // A bookmark has no row.
  return view.as === "table" && isRecord(shown) ? { ...shown, rows: [], metadata } : shown;
}
