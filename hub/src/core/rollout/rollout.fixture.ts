import type { PlaceableCluster } from "../cluster-selector.ts";
import { readDeclarations } from "../declarations.ts";
import type { RolloutStrategy } from "../strategy.ts";
import type { TargetRecord } from "../target.ts";
import { advance, beginRollout } from "./advance.ts";
import { finishRollout, rememberRest } from "./finish.ts";
import type { Member, Rollout, Step } from "./rollout.ts";

/** A strategy by its spec, as people write it. */
export function strategyOf(spec: string): RolloutStrategy {
  const text = `apiVersion: drover.dev/v1alpha1\nkind: RolloutStrategy\nmetadata: { name: careful }\nspec: ${spec}\n`;
  const [found] = readDeclarations("config", "a.yaml", new TextEncoder().encode(text)).declarations;
  if (found?.kind !== "RolloutStrategy") throw new Error(`it is not read: ${spec}`);
  return found;
}

interface State {
  wave: string;
  has: string;
  assignedAtMs: number;
  state: Member["state"];
  connected: boolean;
}

/** Clusters that do what they are told when the test says so. A label `wave` says in which wave each is. */
export class Fleet {
  readonly clusters = new Map<string, State>();
  /** What each cluster has got, in order. */
  readonly log: string[] = [];
  nowMs = 1_000_000;
  content = "b1";
  authors: readonly string[] = [];
  rollout: Rollout | undefined;
  strategy: RolloutStrategy;

  constructor(spec: string, names: Readonly<Record<string, string>>, has = "b0") {
    this.strategy = strategyOf(spec);
    for (const [name, wave] of Object.entries(names)) this.add(name, wave, has);
  }

  add(name: string, wave: string, has = "b0"): void {
    this.clusters.set(name, { wave, has, assignedAtMs: 0, state: "current", connected: true });
  }

  set(name: string, change: Partial<State>): void {
    const found = this.clusters.get(name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    Object.assign(found, change);
  }

  /** Looks once, and hands out what is released; those clusters are under way from then on. */
  step(): Step {
    const unfinished = this.#finish();
    if (unfinished !== undefined) return this.#handOut(unfinished, unfinished.rollout.content);
    const { nowMs, strategy } = this;
    if (this.rollout?.content !== this.content) {
      const of = {
        app: "web",
        strategy: "careful",
        content: this.content,
        revision: this.content,
        authors: this.authors,
      };
      this.rollout = beginRollout(of, nowMs, this.rollout);
    }
    const step = advance(this.rollout, { strategy, members: this.members(), clusters: this.#placeable(), nowMs });
    if (strategy.supersede === "newest") return this.#handOut(step, this.content);
    const lacking = this.members().filter(({ assigned }) => !assigned);
    const records = lacking.map(({ cluster }) => ({ cluster, bundle: this.content }) as TargetRecord);
    return this.#handOut({ ...step, rollout: rememberRest(step.rollout, records, step.release) }, this.content);
  }

  #finish(): Step | undefined {
    const { nowMs, strategy, rollout, content } = this;
    if (strategy.supersede === "newest" || rollout === undefined || rollout.content === content) return undefined;
    const assigned: ReadonlyMap<string, TargetRecord> = new Map();
    const situation = { strategy, members: this.members(), clusters: this.#placeable(), nowMs };
    return finishRollout(rollout, { ...situation, next: content, assigned });
  }

  #handOut(step: Step, content: string): Step {
    this.rollout = step.rollout;
    for (const name of step.release) {
      this.set(name, { has: content, assignedAtMs: this.nowMs, state: "under-way" });
      this.log.push(name);
    }
    return step;
  }

  /** All that is under way becomes current. */
  settle(): void {
    for (const cluster of this.clusters.values()) {
      if (cluster.connected && cluster.state === "under-way") cluster.state = "current";
    }
  }

  /** Steps and settles until nothing is released any more. */
  run(): Step {
    this.settle();
    let step = this.step();
    for (let time = 0; step.release.length > 0; time += 1) {
      if (time > 100) throw new Error("it has no end");
      this.settle();
      step = this.step();
    }
    return step;
  }

  members(): readonly Member[] {
    return [...this.clusters].map(([cluster, { has, assignedAtMs, state, connected }]) => ({
      cluster,
      assigned: has === this.content,
      assignedAtMs,
      state,
      connected,
    }));
  }

  #placeable(): ReadonlyMap<string, PlaceableCluster> {
    return new Map(
      [...this.clusters].map(([name, { wave }]) => [name, { name, labels: { wave }, vars: {}, cordoned: "" }]),
    );
  }
}
