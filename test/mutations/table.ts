/** One planted bug, and who has to see it. */
export interface Mutation {
  /** What is wrong then, in a few words. */
  readonly name: string;
  /** The promise that it breaks. */
  readonly promise: string;
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly from: string;
  readonly to: string;
  readonly caughtBy: Suite;
}

/** Seeds of the simulation from 0 on, of which one has to fail; or test files of a project. */
export type Suite =
  | { readonly seeds: number }
  | { readonly project: "unit" | "system" | "simulation"; readonly tests: readonly string[] };

const agent = "agent/src";
const hub = "hub/src";

/** Bugs that other systems had, or that this one could come to have. Each has to be caught by the suite that it names. */
export const mutations: readonly Mutation[] = [
  {
    name: "accept an older generation",
    promise: "R3",
    file: `${agent}/core/acceptance.ts`,
    from: "if (ahead < 0) return",
    to: "if (generation < 0) return",
    caughtBy: { seeds: 100 },
  },
  {
    name: "accept what is for another cluster",
    promise: "R3",
    file: `${agent}/core/acceptance.ts`,
    from: "if (cluster !== audience.cluster) return",
    to: 'if (cluster === "") return',
    caughtBy: { project: "unit", tests: [`${agent}/controllers/acceptance.test.ts`] },
  },
  {
    name: "accept an epoch that is over",
    promise: "R3",
    file: `${agent}/core/acceptance.ts`,
    from: "if (pastEpochs.includes(epoch)) return",
    to: 'if (epoch === "") return',
    caughtBy: { project: "unit", tests: [`${agent}/controllers/acceptance.test.ts`] },
  },
  {
    name: "act before what was accepted is on the disk",
    promise: "R1",
    file: `${agent}/controllers/acceptance.ts`,
    from: "await writeAccepted(disk",
    to: "void writeAccepted(disk",
    caughtBy: { seeds: 100 },
  },
  {
    name: "no fsync of what was accepted",
    promise: "R3",
    file: `${agent}/store/accepted.ts`,
    from: "{ durable: true }",
    to: "{ durable: false }",
    caughtBy: { seeds: 200 },
  },
  {
    name: "forget what the newest envelope does not name",
    promise: "R1",
    file: `${agent}/controllers/acceptance.ts`,
    from: "return before.filter(({ application }) => !named.has(application));",
    to: "return before.filter(() => named.size < 0);",
    caughtBy: { project: "unit", tests: [`${agent}/controllers/acceptance.test.ts`] },
  },
  {
    name: "take equal generations for news",
    promise: "R19",
    file: `${agent}/controllers/acceptance.ts`,
    from: "if (epoch === before.accepted.epoch && generation === before.accepted.generation) return { answer, beat };",
    to: "",
    caughtBy: { project: "unit", tests: [`${agent}/controllers/acceptance.test.ts`] },
  },
  {
    name: "skip the check of signatures",
    promise: "R3",
    file: "shared/src/trust/envelope.ts",
    from: "if (!verify(null,",
    to: 'if (keyId === "" && !verify(null,',
    caughtBy: { project: "unit", tests: ["shared/src/trust"] },
  },
  {
    name: "no budget of deletions",
    promise: "R2",
    file: `${agent}/controllers/prune.ts`,
    from: "holdBack({ departing, staying, removal })",
    to: "holdBack({ departing: departing.slice(0, 0), staying, removal })",
    caughtBy: { seeds: 60 },
  },
  {
    name: "everything may leave at once",
    promise: "R2",
    file: `${agent}/core/budget.ts`,
    from: 'if (leaving > 0 && staying === 0) return "EverythingLeaves";',
    to: "",
    caughtBy: { project: "unit", tests: [`${agent}/core/budget.test.ts`] },
  },
  {
    name: "what waited for others is not counted as leaving",
    promise: "R2",
    file: `${agent}/controllers/prune-object.ts`,
    from: "if (sight !== undefined && keptForOthers.has(",
    to: "if (sight === undefined && keptForOthers.has(",
    caughtBy: { project: "system", tests: ["test/system/agent-handover.test.ts"] },
  },
  {
    name: "delete whatever has the name by now",
    promise: "R17",
    file: `${agent}/kube/objects.ts`,
    from: "const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };",
    to: 'const preconditions = { ...(uid === "" ? { resourceVersion } : {}) };',
    caughtBy: { project: "system", tests: ["test/system/agent-prune.test.ts"] },
  },
  {
    name: "take over objects that differ",
    promise: "R17",
    file: `${agent}/core/adoption.ts`,
    from: "return refuse(`it exists already, ${describeManagers(live)}, and differs in ${shown}`);",
    to: 'return shown === "" ? refuse(shown) : { kind: "adopt", changes };',
    caughtBy: { seeds: 200 },
  },
  {
    name: "repair nothing",
    promise: "R6",
    file: `${agent}/agent.ts`,
    from: "const drifted = (place: Place): void => repair(context, dispatcher, place);",
    to: "const drifted = (place: Place): void => void (place.record.attempts < 0 && repair(context, dispatcher, place));",
    caughtBy: { seeds: 60 },
  },
  {
    name: "do not notice that the hub is gone",
    promise: "R18",
    file: `${agent}/link/session.ts`,
    from: "if (now >= silentAtMs()) return silence(state, now);",
    to: "if (now < 0) return silence(state, now);",
    caughtBy: { project: "simulation", tests: ["test/simulation/network.test.ts"] },
  },
  {
    name: "take blobs as they are on the disk",
    promise: "R5",
    file: `${agent}/store/blobs.ts`,
    from: "if (digestOf(bytes) === digest) return bytes;",
    to: 'if (digestOf(bytes) !== "") return bytes;',
    caughtBy: { project: "unit", tests: [`${agent}/store/blobs.test.ts`] },
  },
  {
    name: "never try again what failed",
    promise: "R20",
    file: "shared/src/controller.ts",
    from: "    this.#later(key, afterMs, signal);\n  }\n\n  #later",
    to: "    if (afterMs < 0) this.#later(key, afterMs, signal);\n  }\n\n  #later",
    caughtBy: { project: "unit", tests: ["shared/src/controller.test.ts"] },
  },
  {
    name: "keep the oldest instead of the newest",
    promise: "R18",
    file: "shared/src/coalesce.ts",
    from: "    this.#pending.set(key, value);",
    to: "    if (!this.#pending.has(key)) this.#pending.set(key, value);",
    caughtBy: { seeds: 100 },
  },
  {
    name: "hear what comes late from a connection that was replaced",
    promise: "R4",
    file: `${hub}/link/agent-service.ts`,
    from: "if (session.ended !== undefined) continue;",
    to: "",
    caughtBy: { seeds: 200 },
  },
  {
    name: "let revoked clusters in",
    promise: "R14",
    file: `${hub}/core/enrolment.ts`,
    from: 'if (state === "revoked") {',
    to: 'if (state === "revoked" && generation < 0) {',
    caughtBy: { project: "unit", tests: [`${hub}/core/enrolment.test.ts`] },
  },
  {
    name: "send to revoked clusters as long as they stay connected",
    promise: "R14",
    file: `${hub}/backend/cluster-intents.ts`,
    from: 'link.disconnect(name, "the cluster was revoked");',
    to: "",
    caughtBy: { project: "system", tests: ["test/system/enrolment.test.ts"] },
  },
  {
    name: "keep the labels of clusters in memory only",
    promise: "R7",
    file: `${hub}/store/sqlite.ts`,
    from: "    this.#database.transaction(() => clusters.forEach((cluster) => this.#writeCluster(cluster)));\n",
    to: "",
    caughtBy: { seeds: 60 },
  },
  {
    name: "assign without a new generation",
    promise: "R20",
    file: `${hub}/store/next-generation.ts`,
    from: "const generation = cluster.generation + 1;",
    to: "const generation = Math.max(1, cluster.generation);",
    caughtBy: { seeds: 20 },
  },
  {
    name: "send a restored store's assignments at once",
    promise: "R33",
    file: `${hub}/core/recovery.ts`,
    from: 'return era.confirmed ? "" : "its agent follows an epoch that this hub\'s store is not of";',
    to: 'return "";',
    caughtBy: { seeds: 200 },
  },
  {
    name: "wait for what Git has lost before a recovery is confirmed",
    promise: "R33",
    file: `${hub}/controllers/application.ts`,
    from: 'reason: "Retired", message });',
    to: 'reason: "Retired", message });\n    world.applications.delete(name);',
    caughtBy: { project: "system", tests: ["test/system/hub-loop-clusters.test.ts"] },
  },
  {
    name: "remove what a source that was not read yet does not name",
    promise: "R1",
    file: `${hub}/controllers/application.ts`,
    from: "!record.declaredIn.every(whole);",
    to: "(record.declaredIn.length < 0 && whole(record.app));",
    caughtBy: { project: "system", tests: ["test/system/hub-loop-clusters.test.ts"] },
  },
  {
    name: "show the last state of a cluster that is gone",
    promise: "R32",
    file: `${hub}/core/status.ts`,
    from: "if (!facts.connected)",
    to: "if (!facts.connected && !facts.joined)",
    caughtBy: { seeds: 60 },
  },
  {
    name: "never end a silent connection",
    promise: "R32",
    file: `${hub}/link/sessions.ts`,
    from: "if (silentMs < this.#limits.silenceMs) continue;",
    to: "if (silentMs >= 0) continue;",
    caughtBy: { project: "simulation", tests: ["test/simulation/network.test.ts"] },
  },
];
