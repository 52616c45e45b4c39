import { DatabaseSync } from "node:sqlite";

import type { Backend, Intents } from "@drover/hub/api/backend";
import { createBackend } from "@drover/hub/backend/backend";
import { createViews, type Views } from "@drover/hub/backend/views";
import { createAcceptance } from "@drover/hub/controllers/acceptance";
import { createAgents } from "@drover/hub/controllers/agents";
import { createBeats } from "@drover/hub/controllers/beats";
import { createBlobs } from "@drover/hub/controllers/blobs";
import { createEnrollment } from "@drover/hub/controllers/enrollment";
import { createEventLog } from "@drover/hub/controllers/event-log";
import { createHousekeeping } from "@drover/hub/controllers/housekeeping";
import { createInspections } from "@drover/hub/controllers/inspections";
import { createLeaving } from "@drover/hub/controllers/leaving";
import { createNews } from "@drover/hub/controllers/news";
import { Quarantine } from "@drover/hub/controllers/quarantine";
import { World } from "@drover/hub/controllers/world";
import { createLoop } from "@drover/hub/loop";
import { Database, prepareDatabase } from "@drover/hub/store/database";
import { SqliteStore } from "@drover/hub/store/sqlite";
import type { Store } from "@drover/hub/store/store";
import { newStoreKeys } from "@drover/hub/store/store-keys";
import { DroverError } from "@drover/shared/errors";
import type { Assignments, HubLinkHandler, SignedAssignments } from "@drover/shared/link/link";
import { decodeAssignments } from "@drover/shared/link/wire-assignments";
import type { Logger } from "@drover/shared/log";
import { createMetrics } from "@drover/shared/metrics";
import { runAll } from "@drover/shared/service";
import type { Authority } from "@drover/shared/trust/authority";
import { signBeat, signPayload } from "@drover/shared/trust/envelope";
import type { SigningKey } from "@drover/shared/trust/signing-key";

declare module "node:sqlite" {
  /** Of Node 24.21, whose types do not have them yet. */
  interface DatabaseSync {
    serialize(): Uint8Array;
    deserialize(image: Uint8Array): void;
  }
}

import { createHubLink } from "./hub-link.ts";
import type { Network } from "./network.ts";
import type { Chance } from "./random.ts";
import type { SimulatedRepository } from "./repository.ts";
import { runForever, type Life, type Time } from "./time.ts";

/** What of a hub its death leaves: its store, as far as it is committed. */
export class HubDisk implements Disposable {
  #file = openImage(emptyImage());
  #database = new Database(this.#file);

  get database(): Database {
    return this.#database;
  }

  /** As a backup has it. */
  copy(): Uint8Array {
    return this.#file.serialize();
  }

  /** As the hub's own `--restore` does it: the backup in the place of what there is, as a new epoch. */
  restore(backup: Uint8Array, newId: () => string): void {
    this.#database[Symbol.dispose]();
    this.#file = openImage(backup);
    this.#database = new Database(this.#file);
    new SqliteStore(this.#database, { newId, storeKeys }).beginEpoch({ confirmed: false });
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }
}

/** Of all hubs here: it outlives each of them, as a key file does. */
export const storeKeys = newStoreKeys();

let image: Uint8Array | undefined;

/** Of a store that nobody has written to. */
function emptyImage(): Uint8Array {
  return (image ??= prepareDatabase(new DatabaseSync(":memory:")).serialize());
}

function openImage(bytes: Uint8Array): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  database.deserialize(bytes);
  return prepareDatabase(database);
}

export interface HubOptions {
  readonly life: Life;
  readonly time: Time;
  readonly chance: Chance;
  readonly disk: HubDisk;
  readonly network: Network;
  readonly repository: SimulatedRepository;
  readonly signingKey: SigningKey;
  readonly log: Logger;
  /** Around what the hub does with what agents say. */
  readonly heard: (handler: HubLinkHandler, store: Store) => HubLinkHandler;
  /** Every envelope that the hub signs. */
  readonly signed: (assignments: Assignments, signed: SignedAssignments) => void;
  readonly mortal: (store: Store) => Store;
  /** It ended by itself, which it never should. */
  readonly died: (why: string) => void;
}

/** One life of the hub: everything that `createHub` puts together, without files, sockets and the HTTP API. */
export interface SimulatedHub {
  readonly life: Life;
  readonly startedMs: number;
  readonly store: Store;
  readonly world: World;
  readonly views: Views;
  readonly intents: Intents;
  readonly recovery: Backend["recovery"];
  /** Sends every cluster what it was sent before. */
  resend(): void;
}

export function startHub(options: HubOptions): SimulatedHub {
  const { life, time, chance, disk, repository, signingKey, log } = options;
  const clock = time.clockOf(life);
  const now = (): number => clock.now();
  const common = { clock, random: () => chance.next(), log };
  const own = new SqliteStore(disk.database, { newId: () => chance.uuid(), storeKeys });
  const store = options.mortal(own);
  const events = createEventLog(store, now);
  const world = new World(store, events, now);
  for (const app of store.applications()) for (const target of store.targetsOf(app)) world.assess(target);
  const link = createHubLink(options);
  const inspections = createInspections(link, clock);
  const acceptance = createAcceptance({ store, events, clock });
  const enrollment = createEnrollment({
    store,
    events,
    clock,
    signingKey,
    authority,
    acceptance,
    connections: world.connections,
  });
  const mirror = repository.mirrorFor(life, chance);
  const beats = createBeats({ store, world, link, clock, signBeat: (beat) => signBeat(beat, signingKey) });
  const blobs = createBlobs(store);
  const loop = createLoop({
    ...common,
    store,
    world,
    events,
    inspections,
    mirror,
    quarantine: new Quarantine({ before: "", write: () => undefined }),
    packages: noPackages,
    link,
    sign(payload) {
      const signed = signPayload(payload, signingKey);
      options.signed(decodeAssignments(payload), signed);
      return signed;
    },
    beats,
    news: createNews(blobs),
    programs: noPrograms,
  });
  const handler = createAgents({
    ...common,
    store,
    world,
    inspections,
    events,
    blobs,
    enrollment,
    send: (name) => loop.wake.clusters([name]),
    listNamed: (digest) => loop.wake.apiList(digest),
    factsChanged: () => loop.wake.facts(),
    rolling: loop.wake.rollouts,
    left: createLeaving({ store, world, events, acceptance, link }),
  });
  const reserve = { held: true, release: () => false, refill: () => Promise.resolve() };
  const backend = createBackend({
    version: "simulated",
    store,
    world,
    events,
    enrollment,
    inspections,
    explanations: noExplanations,
    link,
    mirror,
    deployKeys: { of: unused, forget: unused },
    metrics: createMetrics(),
    clock,
    backups: { make: unused, list: () => [] },
    reserve,
    settings: { agentImage: "", pollSeconds: 30, hubAddress: () => "hub.simulated", brokerAccess: undefined },
    ready: () => true,
    wake: loop.wake,
  });
  const decision = { actor: "somebody", verb: "change", kind: "", name: "", request: "", address: "", changes: 0 };
  const services = [
    ...loop.services,
    beats.service,
    createHousekeeping({ ...common, store, reserve, events, recovered: loop.wake.allSources }),
    { name: "link", run: (signal: AbortSignal) => link.run(options.heard(handler, store), () => undefined, signal) },
  ];
  // It ends with its life only: nothing of it goes on then.
  void runForever({ run: (signal) => runAll(services, signal) }, life, options.died);
  return {
    life,
    startedMs: now(),
    store: own,
    world,
    views: createViews({ store: own, world, clock }),
    intents: backend.by(decision),
    recovery: () => backend.recovery(),
    resend: () => loop.wake.clusters(store.clusters().map(({ name }) => name)),
  };
}

const unused = (): Promise<never> => Promise.reject(new DroverError("internal", "this is not simulated"));

/** What stands outside of the simulation: TLS, other sources than Git, programs that render. */
const authority: Authority = {
  certificate: "",
  pin: "",
  issueServer: unused,
  issueClient: (_cluster, _csr, generation = 0) => Promise.resolve(String(generation)),
};
const noPackages = { fetch: unused, recall: () => Promise.resolve(undefined) };
const noPrograms = { kustomize: unused, helm: { key: unused, looks: unused, wanted: unused, template: unused } };
const noExplanations = { why: unused, blame: unused };
