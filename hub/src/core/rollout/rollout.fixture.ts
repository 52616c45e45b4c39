import type { PlaceableCluster } from "../cluster-selector.ts";
import { readDeclarations } from "../declarations.ts";
import type { RolloutStrategy } from "../strategy.ts";
import { advance, beginRollout } from "./advance.ts";
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
    this.rollout = step.rollout;
    for (const name of step.release) {
      this.set(name, { has: this.content, assignedAtMs: nowMs, state: "under-way" });
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
    while (step.release.length > 0) {
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
