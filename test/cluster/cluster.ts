import { randomBytes, randomInt, randomUUID } from "node:crypto";

import { bootstrap } from "./bootstrap.ts";
import { sharedCertificates, type Certificates } from "./certificates.ts";
import { systemClock, type Clock } from "./clock.ts";
import type { ClusterState, User } from "./cluster-state.ts";
import { allControllers, serverControllers } from "./controllers/all.ts";
import { runControllers } from "./controllers/controller.ts";
import { definitionsCollection, serveDefinition } from "./crd/definitions.ts";
import { handle, type Fault, type RequestRecord } from "./http/handle.ts";
import { listen, type AnyRequest, type AnyResponse, type Listener } from "./http/listener.ts";
import { formatKubeconfig } from "./kubeconfig.ts";
import { Kinds } from "./resources/kinds.ts";
import { Store, type StoreSnapshot } from "./storage/store.ts";

/** Plain JSON from which a cluster goes on where another one ended. */
export type ClusterSnapshot = StoreSnapshot;

export type ClusterOptions = {
  readonly name: string;
  /** On 127.0.0.1; 0 or absent takes a free one. */
  readonly port?: number;
  /** How long pods, load balancers and volume claims take to become ready, and Jobs to finish. Default 50 ms. */
  readonly readyDelayMs?: number;
  /** False: nobody but the API server acts, so status is what a test writes, as on a control plane without controllers. */
  readonly controllers?: boolean;
  /** How often a quiet watch gets a bookmark. Default 10 s. */
  readonly bookmarkIntervalMs?: number;
  /** Events kept for each resource; a watch that asks for older ones gets 410. Default 1,000. */
  readonly watchWindow?: number;
  readonly gitVersion?: string;
  readonly clock?: Clock;
  /** Bearer tokens and who they stand for. Default: one random token of an administrator. */
  readonly tokens?: Readonly<Record<string, User>>;
  /** Default: those of the process, see `sharedCertificates`. */
  readonly certificates?: Certificates;
  /** Uid of the namespace kube-system, by which a cluster is recognised. Default: random. */
  readonly systemUid?: string;
  /** Makes names and uids repeatable. Default: random ones. */
  readonly newUid?: () => string;
  readonly newSuffix?: () => string;
  readonly restore?: ClusterSnapshot | undefined;
  /** Hears of every request before it is answered. */
  readonly onRequest?: (record: RequestRecord) => void;
  /** Makes a request fail instead of answering it. */
  readonly fault?: (record: RequestRecord) => Fault | undefined;
};

export type EmbeddedCluster = AsyncDisposable & {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly caPem: string;
  /** The first of the tokens. */
  readonly token: string;
  /** Direct access to what is stored, for tests. Writes through it skip admission. */
  readonly store: Store;
  /** A kubeconfig with one context, named like the cluster. */
  readonly kubeconfig: () => string;
  readonly snapshot: () => ClusterSnapshot;
  /** Forgets past events: watches from older versions get 410. */
  readonly compact: () => void;
  /** As a restart of the API server: everything stored stays, connections end, watches from before it get 410. */
  readonly restart: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const administrator: User = { name: "admin", groups: ["system:masters", "system:authenticated"] };

/** A cluster that listens nowhere: what `startCluster` serves. */
export type ClusterCore = Disposable &
  Pick<EmbeddedCluster, "token" | "store" | "snapshot" | "compact"> & {
    /** Answers one request. */
    readonly answer: (request: AnyRequest, response: AnyResponse) => void;
  };

/** Everything of a cluster but the connections to it: a Kubernetes API server and the controllers of the common kinds. */
export function openCluster(options: ClusterOptions): ClusterCore {
  const tokens = Object.entries(options.tokens ?? { [randomBytes(24).toString("base64url")]: administrator });
  const state = createState(options, new Map(tokens));
  if (options.restore === undefined) bootstrap(state, options.systemUid ?? randomUUID());
  for (const definition of state.store.collection(definitionsCollection).list()) {
    serveDefinition(state, definition.metadata.name ?? "");
  }
  const hooks = { onRequest: options.onRequest, fault: options.fault };
  const stopControllers = runControllers(
    state,
    options.controllers === false ? serverControllers(state) : allControllers(state),
  );
  return {
    token: tokens[0]?.[0] ?? "",
    store: state.store,
    snapshot: () => state.store.snapshot(),
    compact: () => {
      state.store.compact();
    },
    answer: (request, response) => void handle(state, hooks, request, response),
    [Symbol.dispose]: stopControllers,
  };
}

/** Starts a Kubernetes API server in this process, with the controllers of the common kinds. */
export async function startCluster(options: ClusterOptions): Promise<EmbeddedCluster> {
  const certificates = options.certificates ?? (await sharedCertificates());
  const { answer, store, token, snapshot, compact, ...core } = openCluster(options);
  const serve = (port: number): Promise<Listener> => listen(certificates, port, answer);
  let listener = await serve(options.port ?? 0);
  const { port } = listener;
  const url = `https://127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    core[Symbol.dispose]();
    await listener.close();
  };
  return {
    name: options.name,
    url,
    port,
    caPem: certificates.caPem,
    token,
    store,
    kubeconfig: () => formatKubeconfig([{ name: options.name, url, token, caPem: certificates.caPem }]),
    snapshot,
    compact,
    restart: async () => {
      await listener.close();
      store.restartWatches();
      listener = await serve(port);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const defaults = { readyDelayMs: 50, bookmarkIntervalMs: 10_000, gitVersion: "v1.35.0" };
const defaultWindow = 1000;

function createState(options: ClusterOptions, tokens: Map<string, User>): ClusterState {
  return {
    name: options.name,
    clock: options.clock ?? systemClock,
    store: new Store({ windowSize: options.watchWindow ?? defaultWindow, restore: options.restore }),
    kinds: new Kinds(),
    settings: {
      readyDelayMs: options.readyDelayMs ?? defaults.readyDelayMs,
      bookmarkIntervalMs: options.bookmarkIntervalMs ?? defaults.bookmarkIntervalMs,
      gitVersion: options.gitVersion ?? defaults.gitVersion,
    },
    newUid: options.newUid ?? randomUUID,
    newSuffix: options.newSuffix ?? randomSuffix,
    tokens,
  };
}

const suffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";
const suffixLength = 5;

function randomSuffix(): string {
  return Array.from({ length: suffixLength }, () => suffixAlphabet[randomInt(suffixAlphabet.length)]).join("");
}
