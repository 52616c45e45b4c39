import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFile, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { basename, join } from "node:path";

import { mustRun } from "./command.ts";
import { freePort } from "./ports.ts";
import { program } from "./programs.ts";
import { takeDown } from "./take-down.ts";
import { temporaryFolder } from "./watchdog.ts";

/** A chart repository over HTTP: files, with an index that the real `helm repo index` made. */
export interface ChartRepository extends AsyncDisposable {
  readonly url: string;
  /** Oldest first; the status is that of the answer, as far as there is one. */
  readonly requests: readonly ChartRequest[];
  /** Adds archives and makes the index again. */
  publish(...archives: readonly string[]): Promise<void>;
  /** Answers a path otherwise, until it is given none. */
  answer(path: string, handler: ((response: ServerResponse) => void) | undefined): void;
  takeDown(): Promise<void>;
  bringUp(): Promise<void>;
}

export interface ChartRequest {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly status: number;
}

export async function startChartRepository(): Promise<ChartRepository> {
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder("chart-repository"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const requests: ChartRequest[] = [];
  const handlers = new Map<string, (response: ServerResponse) => void>();
  const server = createServer((request: IncomingMessage, response) => {
    const path = request.url ?? "";
    const { authorization } = request.headers;
    requests.push({
      path,
      authorization,
      get status() {
        return response.statusCode;
      },
    });
    const handler = handlers.get(path);
    if (handler === undefined) serve(folder, request, response).catch(() => response.destroy());
    else handler(response);
  });
  const bringUp = async (): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  await bringUp();
  parts.defer(async () => takeDown(server));
  const owned = parts.move();
  return {
    url,
    requests,
    async publish(...archives) {
      for (const archive of archives) await copyFile(archive, join(folder, basename(archive)));
      await mustRun(program("helm"), ["repo", "index", folder]);
    },
    answer(path, handler) {
      if (handler === undefined) handlers.delete(path);
      else handlers.set(path, handler);
    },
    takeDown: async () => takeDown(server),
    bringUp,
    [Symbol.asyncDispose]: async () => owned.disposeAsync(),
  };
}

/** With an ETag, as every server of files does. */
async function serve(folder: string, { url = "", headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const content = await readFile(join(folder, basename(url))).catch(() => undefined);
  if (content === undefined) {
    response.writeHead(404).end();
    return;
  }
  const etag = `"${createHash("sha256").update(content).digest("hex")}"`;
  if (headers["if-none-match"] === etag) response.writeHead(304, { etag }).end();
  else response.writeHead(200, { etag }).end(content);
}

/** An answer without an end, until the client goes away. */
export function endless(response: ServerResponse, chunk: string): void {
  const write = (): void => {
    if (!response.destroyed) response.write(chunk, write);
  };
  write();
}

/** An answer whose connection is cut in its middle. */
export function breakOff(response: ServerResponse): void {
  response.writeHead(200, { "content-length": "1000" });
  response.write("half", () => response.destroy());
}

/** Begins to listen on loopback; returns the address. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}
