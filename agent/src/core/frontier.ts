import type { ObjectKey } from "@drover/shared/kube/manifest";
import { applyRank, lastRank } from "@drover/shared/kube/order";

import type { Order } from "./order.ts";

/** What the order of applying depends on. */
export interface Ordered {
  readonly key: ObjectKey;
  readonly order: Pick<Order, "defines">;
}

/**
 * The objects of an application that are being applied or wait for their turn. One may start as soon as everything of a
 * lower rank was tried, in its own namespace and among the cluster-scoped, and its kind is served if it is defined here:
 * nothing waits for a whole stage. A try that failed lets the others start; what really needs it is refused by the
 * server, and only that.
 */
export class Frontier<T extends Ordered> {
  readonly #members = new Set<T>();
  /** By scope (a namespace; "" = cluster-scoped) and rank, how many have not been tried. */
  readonly #untried = new Map<string, number[]>();
  readonly #waiting = new Map<string, Set<T>>();
  readonly #defining = new Map<string, T>();

  get size(): number {
    return this.#members.size;
  }

  /** Takes in what is to be applied and is not here yet, and returns what may start now. */
  add(items: Iterable<T>): readonly T[] {
    const added: T[] = [];
    for (const item of items) {
      if (this.#members.has(item)) continue;
      this.#members.add(item);
      this.#count(item, 1);
      if (item.order.defines !== "") this.#defining.set(item.order.defines, item);
      added.push(item);
    }
    return this.#startable(added);
  }

  /** An object was tried. Returns what may start now; what needs the kind that it defines goes on waiting. */
  tried(item: T): readonly T[] {
    if (this.#count(item, -1) > 0) return [];
    const scope = item.key.namespace;
    return scope === "" ? this.#startable(this.#allWaiting()) : this.#startable(this.#waitingIn([scope, ""]));
  }

  /** Nothing waits for the object any more. Returns what may start now. */
  done(item: T): readonly T[] {
    this.#members.delete(item);
    if (this.#defining.get(item.order.defines) !== item) return [];
    this.#defining.delete(item.order.defines);
    return this.#startable(this.#allWaiting());
  }

  #startable(items: readonly T[]): readonly T[] {
    const startable: T[] = [];
    for (const item of items) {
      const waiting = this.#waiting.get(item.key.namespace) ?? new Set();
      if (this.#mayStart(item)) {
        waiting.delete(item);
        startable.push(item);
      } else {
        this.#waiting.set(item.key.namespace, waiting.add(item));
      }
    }
    return startable;
  }

  #mayStart({ key }: T): boolean {
    if (this.#defining.has(`${key.kind}.${key.group}`)) return false;
    const rank = rankOf(key);
    const scopes = rank === lastRank ? this.#untried.keys() : ["", key.namespace];
    for (const scope of scopes) if (this.#lowestRank(scope) < rank) return false;
    return true;
  }

  #lowestRank(scope: string): number {
    const lowest = this.#untried.get(scope)?.findIndex((count) => count > 0) ?? -1;
    return lowest < 0 ? lastRank : lowest;
  }

  /** Returns how many of the item's scope and rank are left. */
  #count({ key }: T, change: 1 | -1): number {
    const counts = this.#untried.get(key.namespace) ?? Array.from<number>({ length: lastRank + 1 }).fill(0);
    this.#untried.set(key.namespace, counts);
    const rank = rankOf(key);
    const left = (counts[rank] ?? 0) + change;
    counts[rank] = left;
    if (left === 0 && counts.every((count) => count === 0)) this.#untried.delete(key.namespace);
    return left;
  }

  #allWaiting(): readonly T[] {
    return this.#waitingIn([...this.#waiting.keys()]);
  }

  #waitingIn(scopes: readonly string[]): readonly T[] {
    return scopes.flatMap((scope) => [...(this.#waiting.get(scope) ?? [])]);
  }
}

function rankOf({ group, kind }: ObjectKey): number {
  // The rank of a kind is the same in all its versions.
  return applyRank({ apiVersion: group === "" ? "v1" : `${group}/v1`, kind });
}
