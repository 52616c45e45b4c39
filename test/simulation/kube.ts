import type { Access } from "@drover/agent/kube/access";
import type { Body } from "@drover/agent/kube/body";
import { unreachable, type Call, type Reply, type Transport } from "@drover/agent/kube/transport";
import { openCluster, type ClusterCore } from "@drover/cluster/cluster";

import { clusterTemplate } from "./cluster-template.ts";
import { Pipe } from "./pipe.ts";
import type { Chance } from "./random.ts";
import { MemoryResponse, requestOf } from "./response.ts";
import type { Life, Time } from "./time.ts";

const administrator = { name: "admin", groups: ["system:masters", "system:authenticated"] };
const token = "simulated";

/** As an agent sees its API server. */
export const simulatedAccess: Access = {
  url: new URL("https://kube.simulated"),
  tls: {},
  authorize: () => Promise.resolve({ authorization: `Bearer ${token}` }),
};

export interface KubeOptions {
  readonly name: string;
  readonly time: Time;
  readonly chance: Chance;
  /** Hears of every request of an agent when it gets to the server; what it returns is told the status of the answer. */
  readonly heard: (call: Call) => ((status: number) => void) | undefined;
}

/** A cluster in this process, with an API server that agents reach over simulated connections. */
export class SimulatedKube {
  readonly cluster: ClusterCore;
  /** uid of its namespace kube-system. */
  readonly uid: string;
  /** Share of requests that are lost, or that the server answers with trouble. */
  trouble = 0;
  readonly #options: KubeOptions;
  readonly #exchanges = new Map<MemoryResponse, Life>();
  #reachable = true;

  constructor(options: KubeOptions) {
    this.#options = options;
    const { name, time, chance } = options;
    const ids = chance.fork("ids");
    this.uid = ids.uuid();
    this.cluster = openCluster({
      name,
      clock: time.clusterClock(`${name} cluster`),
      tokens: { [token]: administrator },
      newUid: () => ids.uuid(),
      newSuffix: () => ids.hex(5),
      restore: clusterTemplate(this.uid),
      controllers: false,
    });
  }

  /** False breaks all connections and lets none come about. */
  set reachable(reachable: boolean) {
    this.#reachable = reachable;
    if (!reachable) for (const response of this.#exchanges.keys()) response.destroy();
  }

  /** The connections of a process that is dead end. */
  forget(dead: Life): void {
    for (const [response, life] of this.#exchanges) if (life === dead) response.destroy();
  }

  get reachable(): boolean {
    return this.#reachable;
  }

  /** A request of somebody at the cluster itself: it is answered at once. Resolves with the status. */
  ask(
    method: string,
    path: string,
    { body, as = "kubectl-edit" }: { readonly body?: object; readonly as?: string } = {},
  ) {
    const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const headers = { authorization: `Bearer ${token}`, "user-agent": as, "content-type": contentType };
    return new Promise<number>((resolve) => {
      const response: MemoryResponse = new MemoryResponse({ over: () => resolve(response.status) });
      const text = body === undefined ? {} : { body: JSON.stringify(body) };
      this.cluster.answer(requestOf({ method, path, headers, ...text }), response);
    });
  }

  /** What one life of an agent sends its requests over. */
  transportOf(life: Life, chance: Chance): Transport {
    return {
      send: (call, signal) =>
        new Promise((resolve, reject) => this.#send(call, signal, { life, chance, resolve, reject })),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  #send(call: Call, signal: AbortSignal, from: Sender): void {
    const { time } = this.#options;
    const { life, chance, resolve, reject } = from;
    const what = `${life.name} ${call.method} ${call.path}`;
    const abort = (): void => {
      if (life.alive) reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) {
      abort();
      return;
    }
    const trouble = chance.hit(this.trouble) ? chance.pick(troubles) : "none";
    time.schedule(chance.between(1, 8), what, () => {
      if (!this.#reachable || trouble === "unsent") {
        time.schedule(1, `${what} is lost`, () => lose(from));
      } else if (trouble === "refused") {
        if (life.alive) resolve(troubled(chance.pick([500, 503, 429]) ?? 500));
      } else this.#serve(call, signal, { ...from, isLost: trouble === "lost" });
    });
  }

  #serve(call: Call, signal: AbortSignal, from: Sender & { readonly isLost: boolean }): void {
    const { time, heard } = this.#options;
    const { life, chance, isLost, resolve } = from;
    const answered = heard(call);
    const arriving = new Pipe<Buffer>();
    let lastAt = 0;
    /** What was sent first arrives first. */
    const later = (happen: () => void): void => {
      lastAt = Math.max(lastAt, time.now + chance.between(1, 8));
      time.schedule(lastAt - time.now, `${life.name} answer to ${call.method} ${call.path}`, () => {
        if (life.alive) happen();
      });
    };
    const arrive = (): void => {
      const { status, headers } = response;
      if (isLost) lose(from);
      else resolve({ status, headers, body: bodyOf(arriving, response) });
    };
    const response: MemoryResponse = new MemoryResponse({
      head: () => later(arrive),
      piece: (text) => later(() => arriving.push(Buffer.from(text))),
      over: (rest) => {
        this.#exchanges.delete(response);
        if (rest !== undefined) answered?.(response.status);
        later(() => {
          if (rest === undefined) {
            arriving.fail(new Error("the connection broke"));
            lose(from);
          } else {
            if (rest !== "") arriving.push(Buffer.from(rest));
            arriving.end();
            arrive();
          }
        });
      },
    });
    this.#exchanges.set(response, life);
    signal.addEventListener("abort", () => response.destroy(), { once: true });
    this.cluster.answer(requestOf(call), response);
  }
}

interface Sender {
  readonly life: Life;
  readonly chance: Chance;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (cause: Error) => void;
}

/** `unsent` and `lost`: the request, or the answer to it, does not arrive. */
const troubles = ["unsent", "lost", "refused"] as const;

function lose({ life, reject }: Sender): void {
  if (life.alive) reject(unreachable(simulatedAccess, new Error("the connection broke")));
}

function bodyOf(arriving: Pipe<Buffer>, response: MemoryResponse): Body {
  return {
    async whole() {
      const pieces: Buffer[] = [];
      for await (const piece of arriving) pieces.push(piece);
      return Buffer.concat(pieces);
    },
    stream: () => arriving,
    destroy: () => response.destroy(),
  };
}

/** As an API server that is overloaded, or restarts, answers. */
function troubled(code: number): Reply {
  const arriving = new Pipe<Buffer>();
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message: "simulated", code };
  arriving.push(Buffer.from(JSON.stringify({ ...status, reason: code === 429 ? "TooManyRequests" : "InternalError" })));
  arriving.end();
  const headers = code === 429 ? { "retry-after": "1" } : {};
  return { status: code, headers, body: bodyOf(arriving, new MemoryResponse({ over: () => undefined })) };
}
