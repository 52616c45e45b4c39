import { firstEnrolment, joined } from "@drover/hub/core/enrolment";
import { SqliteStore } from "@drover/hub/store/sqlite";
import { clusterDefaults, sourceDefaults, type Store } from "@drover/hub/store/store";
import type { Assignments, HubLinkHandler, SignedAssignments } from "@drover/shared/link/link";
import { createLog, silentLog, type Logger } from "@drover/shared/log";
import { createSigningKey, readVerifyKey, type SigningKey, type VerifyKeys } from "@drover/shared/trust/signing-key";

import { dataDir, startAgent } from "./agent.ts";
import { ClusterNode } from "./cluster-node.ts";
import { Contents } from "./contents.ts";
import type { Fact, TimedFact } from "./facts.ts";
import { enrolmentKeyOf } from "./hub-link.ts";
import { HubDisk, startHub, type SimulatedHub, storeKeys } from "./hub.ts";
import { mortal, type StoreDeath } from "./mortal-store.ts";
import { Network } from "./network.ts";
import type { Project } from "./project.ts";
import { createChance, type Chance } from "./random.ts";
import { SimulatedRepository } from "./repository.ts";
import { Time, type Life } from "./time.ts";

let keys: { readonly signingKey: SigningKey; readonly verifyKeys: VerifyKeys } | undefined;

/** Making them takes longer than most of a simulation, and no event hangs on their bits. */
function keysOfAll(): NonNullable<typeof keys> {
  if (keys !== undefined) return keys;
  const signingKey = createSigningKey();
  return (keys = { signingKey, verifyKeys: new Map([readVerifyKey(signingKey.id, signingKey.publicPem)]) });
}

export interface WorldOptions {
  readonly seed: number;
  readonly clusters: number;
  /** Hears of every fact at once. */
  readonly observe: (fact: TimedFact) => void;
  /** Gets what every process logs, for a person to read. */
  readonly log?: (line: string) => void;
}

/** A hub, its repository, and clusters with their agents, in one process and in virtual time. */
export class World implements Disposable {
  readonly time = new Time();
  readonly chance: Chance;
  readonly network: Network;
  readonly repository: SimulatedRepository;
  readonly clusters: readonly ClusterNode[];
  readonly contents = new Contents();
  readonly hubDisk = new HubDisk();
  readonly keys = keysOfAll();
  /** Every envelope that a hub ever signed, by cluster, oldest first: what somebody between may have kept. */
  readonly signed = new Map<string, SignedAssignments[]>();
  /** Where the hub is to die. */
  storeDeath: StoreDeath | undefined;
  hub: SimulatedHub | undefined;
  /** No faults begin any more. */
  isCalm = false;
  readonly #options: WorldOptions;
  #lives = 0;
  readonly #begun: Life[] = [];
  #isRestored = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.chance = createChance(options.seed);
    this.network = new Network(this.time, this.chance.fork("network"));
    this.repository = new SimulatedRepository(this.time);
    const fact = this.fact.bind(this);
    const parts = { time: this.time, contents: this.contents, fact };
    this.clusters = Array.from({ length: options.clusters }, (_, index) => {
      const name = `c${index + 1}`;
      return new ClusterNode({ ...parts, name, chance: this.chance.fork(name) });
    });
    this.#register();
  }

  fact(fact: Fact): void {
    this.time.note(`fact ${fact.kind}`);
    this.#options.observe({ ...fact, at: this.time.now });
  }

  /** A person, or the weather, does something: part of the trace. */
  say(what: string): void {
    this.time.note(what);
    this.#options.log?.(`${this.stamp()} *** ${what}`);
  }

  stamp(): string {
    return new Date(this.time.now).toISOString().slice(11, 23);
  }

  startHub(): void {
    if (this.hub !== undefined) return;
    const life = this.#newLife("hub");
    const chance = this.chance.fork(life.name);
    const hub = startHub({
      life,
      time: this.time,
      chance,
      disk: this.hubDisk,
      network: this.network,
      repository: this.repository,
      signingKey: this.keys.signingKey,
      log: this.#logOf(life),
      heard: (handler, store) => this.#overhear(handler, store, life),
      signed: (assignments, signed) => this.#keepSigned(assignments, signed),
      mortal: (store) =>
        mortal(
          store,
          () => this.storeDeath,
          () => {
            this.killHub("at a write");
            this.time.schedule(chance.between(0, 40_000), "hub starts", () => this.startHub());
          },
        ),
      died: (why) => this.fact({ kind: "died", who: life.name, why }),
    });
    this.hub = hub;
    this.fact({ kind: "hub-started", decisions: this.#decidedIn(hub.store) });
  }

  /** Nothing of the hub goes on, whatever it was doing. */
  killHub(how: string): void {
    if (this.hub === undefined) return;
    this.say(`hub dies ${how}`);
    this.hub.life.alive = false;
    this.hub = undefined;
    this.storeDeath = undefined;
    this.network.close();
  }

  startAgent(node: ClusterNode): void {
    if (node.life !== undefined) return;
    const life = this.#newLife(`agent ${node.name}`);
    node.begin(life);
    startAgent({
      identity: node,
      life,
      time: this.time,
      chance: this.chance.fork(life.name),
      disk: node.disk,
      kube: node.kube,
      network: this.network,
      verifyKeys: this.keys.verifyKeys,
      log: this.#logOf(life),
      skewMs: node.skewMs,
      wrote: (path) => {
        if (path === `${dataDir}/accepted.json`) node.acceptedOnDisk();
      },
      around: (link) => node.overhear(link),
      died: (why) => this.fact({ kind: "died", who: life.name, why }),
    });
  }

  killAgent(node: ClusterNode): void {
    if (node.life === undefined) return;
    this.say(`agent ${node.name} dies`);
    this.network.forget(node.life);
    node.end();
  }

  /** An older copy of the store takes the place of what there is. */
  restoreHub(backup: Uint8Array): void {
    this.#lives += 1;
    const ids = this.chance.fork(`restore ${this.#lives}`);
    this.say("an older store takes the place of the hub's");
    this.hubDisk.restore(backup, () => ids.uuid());
    this.#isRestored = true;
    this.fact({ kind: "restored" });
  }

  attempt(about: string, value: string): void {
    this.fact({ kind: "attempted", about, value });
  }

  /** Whoever asked was told that it is so. */
  acknowledge(about: string, value: string): void {
    this.fact({ kind: "acknowledged", about, value });
  }

  /** What people are shown now. */
  showAll(): void {
    const { hub } = this;
    if (hub === undefined) return;
    for (const { name } of this.clusters) {
      const states = hub.views.targets().flatMap(({ cluster, state }) => (cluster === name ? [state] : []));
      const heardAt = Math.max(this.network.heardAt(name), hub.startedMs);
      this.fact({ kind: "shown", cluster: name, states, silentMs: this.time.now - heardAt });
    }
  }

  /** Targets that are not current, as people are shown them. */
  troubles(): readonly string[] {
    const targets = this.hub?.views.targets() ?? [];
    return targets
      .filter(({ state }) => state !== "current")
      .map(({ app, cluster, state, reason, message }) => `${app}@${cluster} ${state} ${reason}: ${message}`);
  }

  isSettled(node: ClusterNode, project: Project): boolean {
    const { accepted, generation, expected, live } = this.#stateOf(node, project);
    if (accepted !== generation || (expected.size !== live.size && !this.#isRestored)) return false;
    return [...expected].every(([object, content]) => live.get(object) === content);
  }

  settled(node: ClusterNode, project: Project): void {
    this.fact({ kind: "settled", cluster: node.name, ...this.#stateOf(node, project) });
  }

  #stateOf(node: ClusterNode, project: Project) {
    const { labels, generation } = this.hub?.store.cluster(node.name) ?? clusterDefaults;
    const expected = project.expected(labels["env"] ?? "");
    return { accepted: node.acceptedGeneration, generation, expected, live: node.live() };
  }

  [Symbol.dispose](): void {
    if (this.hub !== undefined) this.hub.life.alive = false;
    for (const node of this.clusters) node[Symbol.dispose]();
    // Signals that somebody listens to are never collected before they abort; nothing that wakes up here does anything.
    for (const { stop } of this.#begun) stop.abort();
    this.hubDisk[Symbol.dispose]();
  }

  /** What joining leaves: sources and clusters in the store of the hub. */
  #register(): void {
    const { database } = this.hubDisk;
    const ids = this.chance.fork("store");
    const store = new SqliteStore(database, { newId: () => ids.uuid(), storeKeys });
    store.putSource({ ...sourceDefaults, name: "config", url: "https://git.simulated/config", intervalSeconds: 30 });
    for (const node of this.clusters) {
      const first = firstEnrolment(node.name, this.time.now);
      store.enrolments.put(joined(first, enrolmentKeyOf(node.name), this.time.now));
      store.putCluster({ ...clusterDefaults, name: node.name, uid: node.kube.uid, labels: { env: node.env } });
    }
  }

  #decidedIn(store: Store): ReadonlyMap<string, string> {
    const labels = store.clusters().map(({ name, labels: { env = "" } }): [string, string] => [`env of ${name}`, env]);
    const trust = this.clusters.map(({ name }): [string, string] => [
      `trust in ${name}`,
      store.enrolments.get(name)?.state ?? "accepted",
    ]);
    const cordons = store.clusters().map(({ name, cordon }): [string, string] => [`cordon of ${name}`, cordon]);
    return new Map([...labels, ...trust, ...cordons]);
  }

  #newLife(name: string): Life {
    this.#lives += 1;
    const stop = new AbortController();
    const life = { name: `${name}#${this.#lives}`, number: this.#lives, alive: true, stop };
    this.#begun.push(life);
    return life;
  }

  #keepSigned(assignments: Assignments, signed: SignedAssignments): void {
    const kept = this.signed.get(assignments.cluster) ?? [];
    kept.push(signed);
    this.signed.set(assignments.cluster, kept);
    for (const { bundle } of assignments.targets) {
      this.contents.learn(bundle, (digest) => this.hub?.store.blob(digest));
    }
    this.fact({ kind: "hub-gave", cluster: assignments.cluster, what: `generation ${assignments.generation}` });
  }

  #overhear(handler: HubLinkHandler, store: Store, life: Life): HubLinkHandler {
    const nodeOf = (cluster: string): ClusterNode | undefined => this.clusters.find(({ name }) => name === cluster);
    return {
      ...handler,
      reported: (cluster, report) => {
        handler.reported(cluster, report);
        const node = nodeOf(cluster);
        if (!life.alive || node === undefined) return;
        const shown = store.observed({ app: report.application, cluster })?.report;
        const said = shown === undefined ? undefined : node.lifeOf(shown);
        if (shown === undefined || said === undefined) return;
        this.fact({ kind: "observed", cluster, app: report.application, life: said, sequence: shown.sequence });
      },
      blob: (cluster, digest) => {
        const bytes = handler.blob(cluster, digest);
        if (bytes !== undefined) this.fact({ kind: "hub-gave", cluster, what: digest });
        return bytes;
      },
    };
  }

  #logOf(life: Life): Logger {
    const { log } = this.#options;
    if (log === undefined) return silentLog;
    return createLog(life.name, "debug", { write: (line) => log(`${this.stamp()} ${line.trimEnd()}`) });
  }
}
