import { afterAll, beforeAll } from "vitest";

import { type ApiAccess, type ApiClient, createApiClient } from "./api-client.ts";

/** The server that a suite runs against. */
export interface ApiUnderTest {
  /** `real` is the authority; `embedded` has to agree with it. */
  readonly kind: "real" | "embedded";
  /** Throws before the server has started, so only tests and hooks may use these two. */
  readonly access: ApiAccess;
  readonly client: ApiClient;
  /** Makes the server forget every change up to now, so that watches and lists from before expire. */
  forgetHistory(): Promise<void>;
  /** Restarts the server with everything that it stored. */
  restart(): Promise<void>;
}

/** A set of tests about one topic, for any API server. */
export type Suite = (api: ApiUnderTest) => void;

export interface RunningServer extends ApiAccess, AsyncDisposable {
  /** These two are absent on a cluster of the user's, whose etcd and API server are out of reach. */
  readonly forgetHistory?: () => Promise<void>;
  readonly restart?: () => Promise<void>;
}

/** Starts the server before the suites of this file and ends it after them. */
export function serverUnderTest(kind: ApiUnderTest["kind"], start: () => Promise<RunningServer>): ApiUnderTest {
  let running: { readonly server: RunningServer; readonly client: ApiClient } | undefined;
  beforeAll(async () => {
    const server = await start();
    running = { server, client: createApiClient(server) };
  });
  afterAll(async () => {
    running?.client.close();
    await running?.server[Symbol.asyncDispose]();
  });
  const current = (): NonNullable<typeof running> => {
    if (running === undefined) throw new Error("the server has not started yet");
    return running;
  };
  const within = async (action: (() => Promise<void>) | undefined): Promise<void> => {
    if (action === undefined) throw new Error("this server is not ours to restart");
    await action();
  };
  return {
    kind,
    get access() {
      return current().server;
    },
    get client() {
      return current().client;
    },
    forgetHistory: async () => within(current().server.forgetHistory),
    restart: async () => within(current().server.restart),
  };
}

let serial = 0;

/** A name that no other test of this process uses. */
export function freshName(prefix: string): string {
  serial += 1;
  return `${prefix}-${serial}`;
}

/** Makes a namespace for one test and returns the path of its core objects and its name. */
export async function freshNamespace(client: ApiClient): Promise<Namespace> {
  const name = freshName("t");
  const { status, text } = await client.post("/api/v1/namespaces", { metadata: { name } });
  if (status !== 201) throw new Error(`namespace ${name}: ${status} ${text}`);
  const group = (path: string) => (resource: string) => `${path}/namespaces/${name}/${resource}`;
  return { name, core: group("/api/v1"), apps: group("/apis/apps/v1"), batch: group("/apis/batch/v1"), in: group };
}

export interface Namespace {
  readonly name: string;
  /** Paths of resources: `core("configmaps/a")`. */
  readonly core: (resource: string) => string;
  readonly apps: (resource: string) => string;
  readonly batch: (resource: string) => string;
  /** For any other group: `in("/apis/networking.k8s.io/v1")("ingresses")`. */
  readonly in: (groupPath: string) => (resource: string) => string;
}
