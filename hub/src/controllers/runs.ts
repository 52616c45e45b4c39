const most = 8;

/** Which runs of agents each cluster has been connected with, as far as that tells a second agent from a restart. */
export class Runs {
  readonly #byCluster = new Map<string, { current: string; former: readonly string[] }>();

  /** The run that connected last; "" when it did not say. */
  current(cluster: string): string {
    return this.#byCluster.get(cluster)?.current ?? "";
  }

  /** Whether this run was here, made room for another and is back: only two agents that both live take turns. */
  isBack(cluster: string, run: string): boolean {
    const known = this.#byCluster.get(cluster);
    return known !== undefined && known.current !== run && known.former.includes(run);
  }

  connected(cluster: string, run: string): void {
    const known = this.#byCluster.get(cluster);
    if (known?.current === run) return;
    const former = [...(known?.former ?? []), ...(known === undefined ? [] : [known.current])];
    this.#byCluster.set(cluster, { current: run, former: former.filter((one) => one !== run).slice(-most) });
  }
}
