import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { mustRun } from "./command.ts";
import { plainGit } from "./git.ts";
import { freePort } from "./ports.ts";
import { program } from "./programs.ts";
import { takeDown } from "./take-down.ts";
import { temporaryFolder } from "./watchdog.ts";

export type GitHttpAuth =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | { readonly kind: "bearer"; readonly token: string };

export interface GitHttpOptions {
  /** Without it everybody may read and push. */
  readonly auth?: GitHttpAuth;
}

/** One request as the remote saw it. Credentials are not kept. */
export interface GitHttpRequest {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly status: number;
}

export interface GitHttpRepository {
  readonly url: string;
  /** The bare repository on disk: push here to change it without HTTP. */
  readonly path: string;
}

/** A real smart-HTTP remote: `git http-backend` behind a small server. */
export interface GitHttp extends AsyncDisposable {
  readonly url: string;
  /** The newest 10,000 requests, oldest first. */
  readonly requests: readonly GitHttpRequest[];
  /** Makes a bare repository that takes pushes. */
  createRepository(name: string, branch?: string): Promise<GitHttpRepository>;
  /** From the next request on; undefined opens the remote to everybody. */
  requireAuth(auth: GitHttpAuth | undefined): void;
  /** Refuses connections, and cuts those under way, until `bringUp`. */
  takeDown(): Promise<void>;
  bringUp(): Promise<void>;
}

const requestLogLength = 10_000;
const headLimitBytes = 16_384;

export async function startGitHttp(options: GitHttpOptions = {}): Promise<GitHttp> {
  await using parts = new AsyncDisposableStack();
  const { path: root } = parts.use(await temporaryFolder("git-http"));
  const requests: GitHttpRequest[] = [];
  let { auth } = options;
  const port = await freePort();
  const server = createServer((request, response) => {
    response.once("close", () => {
      requests.push({ method: request.method ?? "", url: request.url ?? "", status: response.statusCode });
      if (requests.length > requestLogLength) requests.shift();
    });
    if (allowed(request, auth)) serve(root, request, response).catch(() => response.destroy());
    else refuse(response, auth);
  });
  const bringUp = async (): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  await bringUp();
  parts.defer(() => takeDown(server));
  const owned = parts.move();
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    requests,
    async createRepository(name, branch = "main") {
      const path = join(root, name);
      const git = (...args: readonly string[]): Promise<string> => mustRun(program("git"), args, { env: plainGit });
      await git("init", "--quiet", "--bare", `--initial-branch=${branch}`, path);
      await git("-C", path, "config", "http.receivepack", "true");
      return { url: `${url}/${name}`, path };
    },
    requireAuth: (next) => void (auth = next),
    takeDown: () => takeDown(server),
    bringUp,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function allowed(request: IncomingMessage, auth: GitHttpAuth | undefined): boolean {
  if (auth === undefined) return true;
  const expected =
    auth.kind === "basic" ? `Basic ${btoa(`${auth.username}:${auth.password}`)}` : `Bearer ${auth.token}`;
  return request.headers.authorization === expected;
}

function refuse(response: ServerResponse, auth: GitHttpAuth | undefined): void {
  const scheme = auth?.kind === "bearer" ? "Bearer" : "Basic";
  response.writeHead(401, { "www-authenticate": `${scheme} realm="rig"` }).end("authentication required\n");
}

/** Runs `git http-backend` as the CGI program that it is, for one request. */
async function serve(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search } = new URL(request.url ?? "/", "http://rig");
  const backend = spawn(program("git"), ["http-backend"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      ...process.env,
      ...plainGit,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      REMOTE_ADDR: "127.0.0.1",
      ...cgiHeaders(request),
    },
  });
  // A client that goes away must not leave the program waiting for the rest of its request.
  response.once("close", () => backend.kill());
  const sent = pipeline(request, backend.stdin);
  const answered = sendHead(backend.stdout, response).then(() => pipeline(backend.stdout, response));
  await Promise.all([sent, answered]);
}

function cgiHeaders({ headers }: IncomingMessage): Record<string, string> {
  const names: Readonly<Record<string, string>> = {
    "content-type": "CONTENT_TYPE",
    "content-length": "CONTENT_LENGTH",
    "content-encoding": "HTTP_CONTENT_ENCODING",
    "git-protocol": "GIT_PROTOCOL",
  };
  const variables: Record<string, string> = {};
  for (const [header, variable] of Object.entries(names)) {
    const value = headers[header];
    if (typeof value === "string") variables[variable] = value;
  }
  return variables;
}

/** Passes the CGI head on as HTTP's, and the first piece of the body that came with it. */
async function sendHead(output: Readable, response: ServerResponse): Promise<void> {
  let head = Buffer.alloc(0);
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) break;
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end !== -1) {
      for (const line of head.subarray(0, end).toString("latin1").split("\r\n")) setHeader(line, response);
      response.write(head.subarray(end + 4));
      return;
    }
    if (head.length > headLimitBytes) break;
  }
  throw new Error("git http-backend sent no head");
}

function setHeader(line: string, response: ServerResponse): void {
  const colon = line.indexOf(":");
  const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
  if (name.toLowerCase() === "status") response.statusCode = Number.parseInt(value, 10);
  else response.setHeader(name, value);
}
