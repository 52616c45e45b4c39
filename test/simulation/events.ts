import { DroverError } from "@drover/shared/errors";

import type { ClusterNode } from "./cluster-node.ts";
import type { ObjectName } from "./facts.ts";
import type { SimulatedHub } from "./hub.ts";
import { environments, type Project } from "./project.ts";
import type { Chance } from "./random.ts";
import type { World } from "./world.ts";

/** Who does something to the world. */
export interface Hand {
  readonly world: World;
  readonly project: Project;
  readonly chance: Chance;
  /** Copies of the hub's store, oldest first. */
  readonly backups: Uint8Array[];
}

interface Kind {
  readonly weight: number;
  readonly happen: (hand: Hand, node: ClusterNode) => void;
}

/** Everything that may happen, and how often. */
const kinds: Readonly<Record<string, Kind>> = {
  commit: { weight: 10, happen: commit },
  webhook: { weight: 4, happen: ({ world }) => lookAtGit(world) },
  label: { weight: 4, happen: label },
  cordon: { weight: 1, happen: cordon },
  sync: { weight: 1, happen: sync },
  confirm: { weight: 3, happen: ({ world }) => confirmHeld(world) },
  drift: { weight: 8, happen: drift },
  foreign: { weight: 3, happen: makeForeign },
  killAgent: { weight: 5, happen: killAgent },
  killHub: { weight: 3, happen: killHub },
  killHubAtWrite: { weight: 4, happen: killHubAtWrite },
  partition: { weight: 5, happen: partition },
  apiTrouble: { weight: 4, happen: troubleApi },
  sourceDown: { weight: 1, happen: loseSource },
  replay: { weight: 3, happen: replay },
  revoke: { weight: 1, happen: revoke },
  backup: { weight: 2, happen: ({ world, backups }) => void backups.push(world.hubDisk.copy()) },
  restore: { weight: 1, happen: restore },
};

const wheel = Object.values(kinds).flatMap((kind) => Array.from({ length: kind.weight }, () => kind));

/** What a webhook, or a person, has the hub do. */
export function lookAtGit(world: World): void {
  decide(world, "looks at Git", (hub) => hub.intents.syncSource("config"));
}

export function happen(hand: Hand): void {
  const node = hand.chance.pick(hand.world.clusters);
  const kind = hand.chance.pick(wheel);
  if (node !== undefined) kind?.happen(hand, node);
}

function commit({ world, project }: Hand): void {
  const what = project.change();
  world.say(`somebody ${what}`);
  world.repository.commit(project.files(), what);
}

/** A person asks the hub for something; what the hub answers counts only if it lives to answer. */
export function decide<T>(
  world: World,
  what: string,
  ask: (hub: SimulatedHub) => Promise<T>,
  done: () => void = () => undefined,
): void {
  const { hub } = world;
  if (hub === undefined) return;
  world.say(`a person ${what}`);
  const answered = (answer: string): void => {
    if (hub.life.alive) world.say(`the hub answers ${answer}`);
  };
  ask(hub).then(
    () => {
      if (!hub.life.alive) return;
      answered("done");
      done();
    },
    (cause: unknown) => answered(describeRefusal(cause)),
  );
}

function label({ world, chance }: Hand, { name }: ClusterNode): void {
  const env = chance.pick(environments) ?? "dev";
  world.attempt(`env of ${name}`, env);
  decide(
    world,
    `labels ${name} ${env}`,
    (hub) => hub.intents.labelCluster(name, { env }),
    () => world.acknowledge(`env of ${name}`, env),
  );
}

function cordon({ world, chance }: Hand, { name }: ClusterNode): void {
  const reason = chance.hit(0.4) ? "maintenance" : "";
  setCordon(world, name, reason);
}

export function setCordon(world: World, name: string, reason: string): void {
  world.attempt(`cordon of ${name}`, reason);
  decide(
    world,
    `cordons ${name}: ${reason}`,
    (hub) => hub.intents.cordonCluster(name, { cordoned: reason !== "", reason }),
    () => world.acknowledge(`cordon of ${name}`, reason),
  );
}

function sync({ world, project, chance }: Hand): void {
  const app = chance.pick([...project.apps.keys()]);
  if (app !== undefined) decide(world, `syncs ${app}`, (hub) => hub.intents.syncApplication(app));
}

/** A person has a look at every deletion that waits, and lets it happen. */
export function confirmHeld(world: World): void {
  const { hub } = world;
  for (const { app, cluster } of hub?.views.targets() ?? []) {
    // It may die of the one before.
    if (hub?.life.alive !== true) return;
    const digest = hub.views.target(app, cluster)?.heldPrune?.digest;
    if (digest === undefined) continue;
    decide(world, `confirms what ${app}@${cluster} holds`, (asked) => asked.intents.confirmPrune(app, cluster, digest));
  }
}

const plurals: Readonly<Record<string, string>> = { ConfigMap: "configmaps", Service: "services" };

/** `/api/v1/namespaces/default/configmaps/web`. */
function pathOf(object: ObjectName): string {
  const [kind = "", place = ""] = object.split(" ");
  const [namespace = "", name = ""] = place.split("/");
  return `/api/v1/namespaces/${namespace}/${plurals[kind]}/${name}`;
}

/** Somebody changes what Drover applies. */
function drift({ world, chance }: Hand, node: ClusterNode): void {
  const object = chance.pick([...node.live().keys()]);
  if (object === undefined) return;
  const path = pathOf(object);
  const isMap = object.startsWith("ConfigMap");
  const edit = (body: object): void => void node.kube.ask("PATCH", path, { body });
  world.say(`somebody drifts ${object} in ${node.name}`);
  switch (chance.between(0, 3)) {
    case 0:
      return void node.kube.ask("DELETE", path);
    case 1:
      return edit({ metadata: { labels: { "drover.dev/application": null } } });
    case 2:
      return edit({ metadata: { annotations: { note: chance.hex(4) } } });
    default:
      return edit(isMap ? { data: { content: "drifted" } } : { spec: { externalName: "drifted" } });
  }
}

/** Objects that other people keep there, some by names that the repository comes to use. */
function makeForeign({ world, chance, project }: Hand, node: ClusterNode): void {
  const wanted = [...project.apps.values()].flatMap(({ objects }) => [...objects.keys()]);
  const taken = chance.hit(0.3) ? chance.pick(wanted.filter((name) => name.startsWith("ConfigMap"))) : undefined;
  const name = taken?.split("/")[1] ?? `foreign-${chance.between(1, 5)}`;
  world.say(`somebody makes ${name} in ${node.name}`);
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { content: "foreign" } };
  void node.kube.ask("POST", "/api/v1/namespaces/default/configmaps", { body: object });
}

/** Whoever made an object by a name that Git wants takes it away: Drover never does. */
export function makeRoom(world: World, node: ClusterNode, project: Project): void {
  const wanted = new Set([...project.apps.values()].flatMap(({ objects }) => [...objects.keys()]));
  for (const object of node.unowned()) {
    if (!wanted.has(object)) continue;
    world.say(`somebody takes ${object} of ${node.name} away`);
    void node.kube.ask("DELETE", pathOf(object));
  }
}

function killAgent({ world, chance }: Hand, node: ClusterNode): void {
  world.killAgent(node);
  if (chance.hit(0.3)) node.disk.cutPower();
  if (chance.hit(0.1)) {
    node.disk.lose();
    world.fact({ kind: "disk-lost", cluster: node.name });
  }
  world.time.schedule(chance.between(0, 40_000), `agent ${node.name} starts`, () => world.startAgent(node));
}

function killHub({ world, chance }: Hand): void {
  world.killHub("at any moment");
  world.time.schedule(chance.between(0, 40_000), "hub starts", () => world.startHub());
}

function killHubAtWrite({ world, chance }: Hand): void {
  world.storeDeath = { write: chance.between(0, 8), moment: chance.hit(0.5) ? "before" : "after" };
}

function partition({ world, chance }: Hand, node: ClusterNode): void {
  const route = chance.hit(0.5) ? "cut" : "silent";
  world.say(`${node.name} is ${route}`);
  world.network.setRoute(node.name, route);
  world.time.schedule(chance.between(100, 90_000), `${node.name} is open`, () => {
    world.network.setRoute(node.name, "open");
  });
}

function troubleApi({ world, chance }: Hand, node: ClusterNode): void {
  const weather = chance.hit(0.4) ? { reachable: false } : { trouble: 0.3 };
  world.say(`the API of ${node.name} is ${JSON.stringify(weather)}`);
  node.setWeather(weather);
  world.time.schedule(chance.between(100, 40_000), `the API of ${node.name} is well`, () => {
    node.setWeather({ reachable: true, trouble: 0 });
  });
}

function loseSource({ world, chance }: Hand): void {
  world.repository.reachable = false;
  world.time.schedule(chance.between(1_000, 60_000), "source is back", () => {
    world.repository.reachable = true;
  });
}

/** Somebody between hub and agent hands over what was signed earlier, for somebody else, or by nobody. */
function replay({ world, chance }: Hand, node: ClusterNode): void {
  const other = chance.pick(world.clusters);
  const from = chance.hit(0.3) && other !== undefined ? other : node;
  const signed = chance.pick(world.signed.get(from.name) ?? []);
  if (signed === undefined) return;
  const payload = Uint8Array.from(signed.payload);
  const isForged = chance.hit(0.3);
  // A digit of what it says, somewhere.
  if (isForged) payload[payload.length - 1] = (payload[payload.length - 1] ?? 0) ^ 1;
  world.say(`${node.name} is handed ${isForged ? "a forged" : "an old"} envelope of ${from.name}`);
  node.receive({ kind: "assignments", signed: { ...signed, payload } });
}

function revoke({ world, chance }: Hand, { name }: ClusterNode): void {
  world.attempt(`trust in ${name}`, "revoked");
  decide(
    world,
    `revokes ${name}`,
    (hub) => hub.intents.revokeCluster(name, {}),
    () => {
      world.acknowledge(`trust in ${name}`, "revoked");
      world.fact({ kind: "revoked", cluster: name });
    },
  );
  world.time.schedule(chance.between(5_000, 60_000), `${name} may come back`, () => acceptAgain(world, name));
}

export function acceptAgain(world: World, name: string): void {
  world.attempt(`trust in ${name}`, "accepted");
  world.fact({ kind: "accepted-again", cluster: name });
  decide(
    world,
    `accepts ${name} again`,
    (hub) => hub.intents.acceptCluster(name),
    () => world.acknowledge(`trust in ${name}`, "accepted"),
  );
}

function restore({ world, chance, backups }: Hand): void {
  const backup = chance.pick(backups);
  if (backup === undefined) return;
  world.killHub("for an older store");
  world.restoreHub(backup);
  world.startHub();
  world.time.schedule(chance.between(1_000, 60_000), "a person looks at the recovery", () => confirmRecovery(world));
}

export function confirmRecovery(world: World): void {
  // A hub that dies before it answers may have taken it all the same.
  world.fact({ kind: "recovery-confirmed" });
  decide(world, "confirms the recovery", (hub) => hub.intents.confirmRecovery({}));
}

function describeRefusal(cause: unknown): string {
  const { code, message } = DroverError.from(cause);
  return `${code}: ${message}`;
}
