import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";

import type { KubeObject } from "@drover/shared/kube/manifest";

import type { ClusterAccess } from "../../rig/kubeconfig.ts";

/** Nothing but an HTTP/2 session: what no client of that API server can be faster than. */
export interface BareClient extends AsyncDisposable {
  send(request: BareRequest): Promise<{ readonly status: number; readonly body: string }>;
  /** Every event of a kind, until dispose; `path` ends with its query. */
  watch(path: string, line: (event: WatchEvent) => void): void;
}

export interface BareRequest {
  readonly method: string;
  readonly path: string;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: string;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject & { readonly metadata: { readonly resourceVersion?: string } };
}

const windowBytes = 1 << 20;

export async function connectBare({ url, caPem, token }: ClusterAccess): Promise<BareClient> {
  const session = connect(url, { ca: caPem, settings: { initialWindowSize: windowBytes, enablePush: false } });
  await once(session, "connect");
  session.setLocalWindowSize(16 * windowBytes);
  const headers = { authorization: `Bearer ${token}`, "user-agent": "drover-bench" };
  return {
    send: (request) => send(session, headers, request),
    watch(path, line) {
      let version = "";
      const open = (): void => {
        if (session.destroyed) return;
        const from = version === "" ? "" : `&resourceVersion=${version}`;
        const stream = session.request({ ...headers, ":path": `${path}${from}`, accept: "application/json" });
        let rest = "";
        stream.setEncoding("utf8").on("data", (text: string) => {
          const lines = (rest + text).split("\n");
          rest = lines.pop() ?? "";
          for (const one of lines.filter((text) => text !== "")) {
            const event = JSON.parse(one) as WatchEvent;
            version = event.object.metadata.resourceVersion ?? version;
            line(event);
          }
        });
        stream.on("error", () => undefined);
        // A server ends the watch of whoever is slow.
        stream.on("close", open);
      };
      open();
    },
    // oxlint-disable-next-line typescript/require-await -- disposal has an asynchronous shape
    async [Symbol.asyncDispose]() {
      session.destroy();
    },
  };
}

function send(session: ClientHttp2Session, headers: object, request: BareRequest) {
  return new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    const stream = session.request(
      {
        ...headers,
        ":method": request.method,
        ":path": request.path,
        accept: request.accept ?? "application/json",
        ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
      },
      { endStream: request.body === undefined },
    );
    let status = 0;
    let body = "";
    stream.setEncoding("utf8");
    stream.on("response", (answer) => (status = answer[":status"] ?? 0));
    stream.on("data", (text: string) => (body += text));
    stream.on("end", () => resolve({ status, body }));
    stream.on("error", reject);
    if (request.body !== undefined) stream.end(request.body);
  });
}

/** Works the items off, so many at once, in order. */
export async function workOff<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Like `send`, but an answer that is no success ends the benchmark. */
export async function must(client: BareClient, request: BareRequest): Promise<void> {
  const { status, body } = await client.send(request);
  if (status >= 300) throw new Error(`${request.method} ${request.path}: ${status} ${body}`);
}
