import { maxPageSize, type List } from "@drover/shared/api/types";
import { DroverError } from "@drover/shared/errors";
import { compareStates, targetStates, type TargetState } from "@drover/shared/state";

export interface ListQuery {
  readonly limit?: number;
  readonly cursor?: string;
  readonly sort?: "name" | "state";
  readonly state?: string;
}

/** What a list is ordered by, and so where a page ends. */
interface Place {
  /** Absent in a list that goes by name. */
  readonly state?: TargetState;
  readonly key: string;
}

/**
 * Cuts one page out of `items`. A cursor names the last item of the page before, not a number of items, so that what
 * comes and goes between two pages neither repeats nor hides the others. Throws `usage`.
 */
export function listPage<T extends { readonly state: TargetState }>(
  items: readonly T[],
  query: ListQuery,
  keyOf: (item: T) => string,
): List<T> {
  const wanted = parseStates(query.state);
  const byState = query.sort === "state";
  const placeOf = (item: T): Place => (byState ? { state: item.state, key: keyOf(item) } : { key: keyOf(item) });
  const matching = items.filter((item) => wanted === undefined || wanted.has(item.state));
  const sorted = matching.toSorted((a, b) => comparePlaces(placeOf(a), placeOf(b)));
  const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, byState);
  const rest = after === undefined ? sorted : sorted.filter((item) => comparePlaces(placeOf(item), after) > 0);
  const page = rest.slice(0, Math.min(query.limit ?? 100, maxPageSize));
  const last = page.at(-1);
  return {
    items: page,
    ...(last !== undefined && rest.length > page.length ? { next: encodeCursor(placeOf(last)) } : {}),
    total: sorted.length,
    states: countStates(items),
  };
}

/** The states of a comma-separated list; undefined when none is named. Throws `usage`. */
export function parseStates(text: string | undefined): ReadonlySet<TargetState> | undefined {
  if (text === undefined || text === "") return undefined;
  return new Set(
    text.split(",").map((name) => {
      const state = targetStates.find((candidate) => candidate === name.trim());
      if (state !== undefined) return state;
      throw new DroverError("usage", `"${name}" is not a state`, { hint: `states: ${targetStates.join(" ")}` });
    }),
  );
}

function countStates(items: readonly { readonly state: TargetState }[]): List<unknown>["states"] {
  const counts: Partial<Record<TargetState, number>> = {};
  for (const { state } of items) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

function comparePlaces(a: Place, b: Place): number {
  const byState = a.state === undefined || b.state === undefined ? 0 : compareStates(a.state, b.state);
  if (byState !== 0) return byState;
  // By code unit, not by locale: the order of pages must not depend on the machine.
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}

function encodeCursor(place: Place): string {
  return Buffer.from(JSON.stringify([place.key, place.state ?? null])).toString("base64url");
}

function decodeCursor(cursor: string, byState: boolean): Place {
  const refusal = (cause?: unknown) =>
    new DroverError("usage", "the cursor is not one of this list", { hint: "start again without a cursor", cause });
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch (cause) {
    throw refusal(cause);
  }
  if (!Array.isArray(parsed) || parsed.length !== 2 || typeof parsed[0] !== "string") throw refusal();
  const state = targetStates.find((candidate) => candidate === parsed[1]);
  if (byState !== (state !== undefined)) throw refusal();
  return state === undefined ? { key: parsed[0] } : { state, key: parsed[0] };
}
