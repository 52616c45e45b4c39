export interface Pair {
  readonly app: string;
  readonly cluster: string;
}

/** A map keyed by (application, cluster) that lists quickly by either. */
export class PairMap<V> {
  readonly #byApp = new Map<string, Map<string, V>>();
  readonly #byCluster = new Map<string, Map<string, V>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get({ app, cluster }: Pair): V | undefined {
    return this.#byApp.get(app)?.get(cluster);
  }

  set({ app, cluster }: Pair, value: V): void {
    if (this.get({ app, cluster }) === undefined) this.#size += 1;
    inner(this.#byApp, app).set(cluster, value);
    inner(this.#byCluster, cluster).set(app, value);
  }

  delete({ app, cluster }: Pair): void {
    if (this.get({ app, cluster }) === undefined) return;
    this.#size -= 1;
    remove(this.#byApp, app, cluster);
    remove(this.#byCluster, cluster, app);
  }

  clear(): void {
    this.#byApp.clear();
    this.#byCluster.clear();
    this.#size = 0;
  }

  apps(): readonly string[] {
    return [...this.#byApp.keys()];
  }

  byApp(app: string): readonly V[] {
    return [...(this.#byApp.get(app)?.values() ?? [])];
  }

  byCluster(cluster: string): readonly V[] {
    return [...(this.#byCluster.get(cluster)?.values() ?? [])];
  }

  *values(): Generator<V, void, undefined> {
    for (const map of this.#byApp.values()) yield* map.values();
  }
}

function inner<V>(outer: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const known = outer.get(key) ?? new Map<string, V>();
  outer.set(key, known);
  return known;
}

function remove<V>(outer: Map<string, Map<string, V>>, key: string, innerKey: string): void {
  const map = outer.get(key);
  map?.delete(innerKey);
  if (map?.size === 0) outer.delete(key);
}
