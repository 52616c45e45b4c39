import { recoveryLimit } from "@drover/hub/core/enrolment";

import {
  acceptAgain,
  confirmHeld,
  confirmRecovery,
  happen,
  lookAtGit,
  makeRoom,
  setCordon,
  type Hand,
} from "./events.ts";
import { allInvariants } from "./invariants/all.ts";
import { Project } from "./project.ts";
import { startMs } from "./time.ts";
import { World } from "./world.ts";

/** What came of one seed. */
export interface Outcome {
  readonly seed: number;
  /** The first promise that was broken, and how. */
  readonly violation: string | undefined;
  readonly events: number;
  readonly simulatedMs: number;
  readonly trace: readonly string[];
  /** What people were shown in the end of targets that are not current. */
  readonly shown: readonly string[];
}

export interface RunOptions {
  readonly seed: number;
  /** Default: from 5 on, few with many; see `clustersOf`. */
  readonly clusters?: number;
  readonly log?: (line: string) => void;
}

const actions = 30;
const lookMs = 5_000;
/** From the last fault to the state that Git says: back-off of a minute, a poll, and a person who looks every 5 s. */
const settleMs = 240_000;
/** What was lost on its way is asked for again by then, also what makes no difference that is looked at. */
const calmMs = 90_000;
/** A quarter of all histories goes on until nothing at all is under way, and then says everything again (R19). */
const repeatsEvery = 4;
const repeatMs = 20_000;

/** Five clusters in most histories, up to 50 in some: what goes wrong, goes wrong with few of them, and costs less there. */
function clustersOf(seed: number): number {
  if (seed % 1_000 === 999) return 50;
  if (seed % 200 === 199) return 20;
  return seed % 10 === 9 ? 8 : 5;
}

class Broken extends Error {}

/** Plays one seed to its end, or to the first promise that is broken. */
export async function runSeed({ seed, clusters = clustersOf(seed), log }: RunOptions): Promise<Outcome> {
  const invariants = allInvariants();
  let violation: string | undefined;
  using world = new World({
    seed,
    clusters,
    ...(log === undefined ? {} : { log }),
    observe(fact) {
      log?.(`${world.stamp()} ${describe(fact)}`);
      for (const { name, check } of invariants) {
        const broken = check(fact);
        if (broken !== undefined) violation ??= `${name} at ${world.stamp()}: ${broken}`;
      }
    },
  });
  try {
    await play(world, seed, () => {
      if (violation !== undefined) throw new Broken(violation);
    });
  } catch (cause) {
    if (!(cause instanceof Broken)) throw cause;
  }
  const { events, now, trace } = world.time;
  return { seed, violation, events, simulatedMs: now - startMs, trace, shown: world.troubles() };
}

async function play(world: World, seed: number, after: () => void): Promise<void> {
  const { time, repository } = world;
  const chance = world.chance.fork("events");
  const project = new Project(world.chance.fork("project"));
  const hand: Hand = { world, project, chance, backups: [] };
  const run = async (ms: number): Promise<void> => time.run(time.now + ms, after);
  repository.commit(project.files(), "first");
  world.startHub();
  for (const node of world.clusters) world.startAgent(node);
  look(world);
  await run(chance.between(1_000, 15_000));
  for (let action = 0; action < actions; action += 1) {
    happen(hand);
    await run(chance.hit(0.3) ? chance.between(0, 300) : chance.between(300, 8_000));
  }
  const repeats = seed % repeatsEvery === 0;
  await settle(hand, run, repeats ? calmMs : 0);
  if (repeats) await repeat(world, run);
  after();
}

/** What people see is looked at every five seconds. */
function look(world: World): void {
  world.time.schedule(lookMs, "look", () => {
    world.showAll();
    look(world);
  });
}

/** Faults stop; people confirm what waits for them, until everything is as Git says or the time is over. */
async function settle(hand: Hand, run: (ms: number) => Promise<void>, leastMs: number): Promise<void> {
  const { world, project } = hand;
  world.say("faults stop");
  calm(world);
  project.mend();
  world.repository.commit(project.files(), "last");
  // After an outage the hub itself asks less and less often, up to every ten minutes.
  lookAtGit(world);
  for (let waitedMs = 0; waitedMs < settleMs; waitedMs += lookMs) {
    await run(lookMs);
    attend(world);
    for (const node of world.clusters) makeRoom(world, node, project);
    if (waitedMs >= leastMs && world.clusters.every((node) => world.isSettled(node, project))) break;
  }
  for (const node of world.clusters) world.settled(node, project);
}

/** Everything is said again that was said before. */
async function repeat(world: World, run: (ms: number) => Promise<void>): Promise<void> {
  world.fact({ kind: "repeating" });
  world.hub?.resend();
  await run(repeatMs);
}

function calm(world: World): void {
  world.storeDeath = undefined;
  world.repository.reachable = true;
  world.isCalm = true;
  world.startHub();
  for (const node of world.clusters) {
    world.network.setRoute(node.name, "open");
    node.setWeather({ reachable: true, trouble: 0 });
    world.startAgent(node);
  }
}

/** People look at what waits for them. */
function attend(world: World): void {
  const { hub } = world;
  if (hub === undefined) return;
  if (hub.recovery().held.length > 0) confirmRecovery(world);
  for (const { name, cordoned } of hub.views.clusters()) {
    if (!hub.life.alive) return;
    if (cordoned !== "") setCordon(world, name, "");
    const { state = "accepted", recoveries = 0 } = hub.store.enrolments.get(name) ?? {};
    if (state !== "accepted" || recoveries >= recoveryLimit) acceptAgain(world, name);
  }
  confirmHeld(world);
}

function describe(fact: object): string {
  return JSON.stringify(fact, (_key, value: unknown) =>
    value instanceof Map ? Object.fromEntries(value) : value instanceof Set ? [...value] : value,
  );
}
