import { clockToleranceMs } from "@drover/agent/core/acceptance";
import type { Call } from "@drover/agent/kube/transport";
import type { StoreEvent } from "@drover/cluster/storage/store";
import { textAt } from "@drover/shared/json";
import type { AgentLink, AgentLinkHandler, Assignments, HubMessage, Report } from "@drover/shared/link/link";
import { decodeAssignments } from "@drover/shared/link/wire-assignments";

import { agentNamespace, dataDir } from "./agent.ts";
import { contentOf, nameOf, type Contents } from "./contents.ts";
import { SimulatedDisk } from "./disk.ts";
import type { AcceptedTarget, Fact, ObjectName } from "./facts.ts";
import { SimulatedKube } from "./kube.ts";
import type { Certificate } from "./network.ts";
import type { Chance } from "./random.ts";
import type { Life, Time } from "./time.ts";

export interface ClusterNodeOptions {
  readonly name: string;
  readonly time: Time;
  readonly chance: Chance;
  readonly contents: Contents;
  readonly fact: (fact: Fact) => void;
}

/** Collections of the objects that the simulated repository has, by their names in paths. */
const collections: ReadonlyMap<string, string> = new Map([
  ["configmaps", "ConfigMap"],
  ["services", "Service"],
]);
const applicationLabel = "drover.dev/application";
const environments = ["dev", "prod"] as const;

/** A cluster, its agent's disk and, while it lives, its agent. */
export class ClusterNode implements Disposable {
  readonly name: string;
  certificate: Certificate;
  readonly kube: SimulatedKube;
  readonly disk: SimulatedDisk;
  readonly env: string;
  readonly skewMs: number;
  /** Of the agent; undefined = it is down. */
  life: Life | undefined;
  /** What the agent does with messages, while it lives. */
  #handler: AgentLinkHandler | undefined;
  readonly #options: ClusterNodeOptions;
  readonly #unlisten: () => void;

  constructor(options: ClusterNodeOptions) {
    const { name, time, chance } = options;
    this.#options = options;
    this.name = name;
    this.certificate = { cluster: name, generation: 1 };
    this.env = chance.pick(environments) ?? "dev";
    // An agent whose clock is further off believes no beat, and deletes nothing: it would not converge.
    this.skewMs = chance.hit(0.2) ? chance.between(-clockToleranceMs, clockToleranceMs) * 0.9 : 0;
    this.disk = new SimulatedDisk(time, chance.fork("disk"));
    this.kube = new SimulatedKube({
      name,
      time,
      chance: chance.fork("kube"),
      heard: (call) => this.#heard(call),
    });
    this.#unlisten = this.kube.cluster.store.listen((collection, event) => this.#changed(collection, event));
  }

  begin(life: Life): void {
    this.life = life;
    const taken = this.#onDisk();
    const { epoch = "", generation = 0 } = taken ?? {};
    this.#options.fact({ kind: "agent-started", cluster: this.name, epoch, generation });
  }

  end(): void {
    if (this.life === undefined) return;
    this.life.alive = false;
    this.kube.forget(this.life);
    this.life = undefined;
    this.#handler = undefined;
    this.#options.fact({ kind: "agent-killed", cluster: this.name });
  }

  get acceptedGeneration(): number {
    return this.#onDisk()?.generation ?? 0;
  }

  setWeather(weather: { readonly reachable?: boolean; readonly trouble?: number }): void {
    const { reachable = this.kube.reachable, trouble = this.kube.trouble } = weather;
    this.kube.reachable = reachable;
    this.kube.trouble = trouble;
    this.#options.fact({ kind: "api", cluster: this.name, isWell: reachable && trouble === 0 });
  }

  /** `accepted.json` is in its place. */
  acceptedOnDisk(): void {
    const taken = this.#onDisk();
    if (taken === undefined) return;
    const { epoch, generation, targets, tombstones } = taken;
    const { contents, fact } = this.#options;
    const accepted = targets.map(({ application, bundle, confirmPrune }): [string, AcceptedTarget] => [
      application,
      { bundle, objects: contents.of(bundle), confirmed: confirmPrune !== "" },
    ]);
    const removed = new Set(tombstones.map(({ application }) => application));
    fact({ kind: "accepted", cluster: this.name, epoch, generation, targets: new Map(accepted), removed });
  }

  /** Hears what the agent reports. What is for display only tells which of its lives said it. */
  overhear(link: AgentLink): AgentLink {
    const said = this.life?.number ?? 0;
    return {
      ...link,
      run: (handler, signal) => {
        this.#handler = handler;
        return link.run(handler, signal);
      },
      send: (message) => {
        if (message.kind !== "report") return link.send(message);
        const { application: app, phase, bundle, applied } = message.report;
        if (phase === "applied" && applied === bundle) {
          this.#options.fact({ kind: "reported-applied", cluster: this.name, app, bundle });
        }
        return link.send({ ...message, report: { ...message.report, receivedAtMs: said } });
      },
    };
  }

  /** The agent gets this, whoever it is from. */
  receive(message: HubMessage): void {
    this.#handler?.received(message);
  }

  lifeOf({ receivedAtMs }: Report): number {
    return receivedAtMs;
  }

  /** Objects that are marked as an application's, with what they say. */
  live(): ReadonlyMap<string, string> {
    const owned = this.#objects().filter(({ metadata }) => metadata.labels?.[applicationLabel] !== undefined);
    return new Map(owned.map((object) => [nameOf(object), contentOf(object) ?? ""]));
  }

  /** Objects that are marked as nobody's. */
  unowned(): readonly ObjectName[] {
    const others = this.#objects().filter(({ metadata }) => metadata.labels?.[applicationLabel] === undefined);
    return others.map((object) => nameOf(object));
  }

  #objects() {
    return [...collections.keys()].flatMap((plural) =>
      this.kube.cluster.store.collection(`/${plural}`).list("default"),
    );
  }

  [Symbol.dispose](): void {
    if (this.life !== undefined) this.life.alive = false;
    this.#unlisten();
    this.kube.cluster[Symbol.dispose]();
  }

  #onDisk(): Assignments | undefined {
    const bytes = this.disk.peek(`${dataDir}/accepted.json`);
    if (bytes === undefined) return undefined;
    return decodeAssignments(Buffer.from(textAt(JSON.parse(bytes.toString()), "signed", "payload") ?? "", "base64"));
  }

  /** A request of the agent gets to the server: what was there before it. */
  #heard(call: Call): ((status: number) => void) | undefined {
    const subject = subjectOf(call);
    if (subject === undefined) return undefined;
    const { plural, kind, namespace, name } = subject;
    const before = this.kube.cluster.store.collection(`/${plural}`).get(namespace, name);
    const fact = {
      kind: call.method === "DELETE" ? "agent-deleted" : "agent-wrote",
      cluster: this.name,
      object: `${kind} ${namespace}/${name}`,
      uid: before?.metadata.uid ?? "",
      owner: before?.metadata.labels?.[applicationLabel] ?? "",
    } as const;
    return (status) => {
      if (status < 300) this.#options.fact(fact);
    };
  }

  #changed(collection: string, { type, object }: StoreEvent): void {
    if (!collections.has(collection.slice(1)) || object.metadata.namespace === agentNamespace) return;
    const name = nameOf(object);
    const content = type === "DELETED" ? undefined : (contentOf(object) ?? "");
    this.#options.fact({ kind: "live", cluster: this.name, object: name, uid: object.metadata.uid ?? "", content });
  }
}

const objectPath = /^\/api\/v1\/namespaces\/(?<namespace>[^/]+)\/(?<plural>[^/?]+)(?:\/(?<name>[^/?]+))?/u;

/** The object that a request is to change; undefined when it is none of the repository's. */
function subjectOf({ method, path, body = "{}" }: Call) {
  if (method === "GET" || path.includes("dryRun=")) return undefined;
  const { namespace = "", plural = "", name } = objectPath.exec(path)?.groups ?? {};
  const kind = collections.get(plural);
  if (kind === undefined || namespace === agentNamespace) return undefined;
  return { plural, kind, namespace, name: name ?? textAt(JSON.parse(body), "metadata", "name") ?? "" };
}
