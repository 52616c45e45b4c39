import { isRecord } from "../json.ts";

/** Whether two items of a list stand for the same: the same merge key, or the same primitive. */
export function sameItem(a: unknown, b: unknown, mergeKey: string | undefined): boolean {
  if (mergeKey === undefined || !isRecord(a) || !isRecord(b)) return a === b;
  return a[mergeKey] !== undefined && a[mergeKey] === b[mergeKey];
}

type Orders = {
  /** The order that the patch asks for; items in it that do not exist are passed over. */
  readonly wanted: readonly unknown[];
  /** The order before the patch, which stands for the items that the patch does not name. */
  readonly server: readonly unknown[];
  readonly mergeKey: string | undefined;
};

/** Orders the items that the patch names as it asks, and puts the others between them where they were. */
export function normalizeOrder(items: readonly unknown[], { wanted, server, mergeKey }: Orders): unknown[] {
  const same = (a: unknown, b: unknown): boolean => sameItem(a, b, mergeKey);
  const rank = (list: readonly unknown[], item: unknown): number => list.findIndex((other) => same(other, item));
  const named = items.filter((item) => rank(wanted, item) >= 0).sort((a, b) => rank(wanted, a) - rank(wanted, b));
  const others = items.filter((item) => rank(wanted, item) < 0);
  const ordered: unknown[] = [];
  let next = 0;
  for (const item of others) {
    const own = rank(server, item);
    // A named item that is new has no place among the others and so comes before them.
    for (; next < named.length; next++) {
      const place = rank(server, named[next]);
      if (own >= 0 && place >= 0 && own < place) break;
      ordered.push(named[next]);
    }
    ordered.push(item);
  }
  return [...ordered, ...named.slice(next)];
}
