import type { Application } from "./application.ts";

/** Reason of the condition of an application that waits for itself. */
export const dependencyCycleReason = "DependencyCycle";

/**
 * The shortest way from an application back to itself along `dependsOn`, with the application at both ends; undefined when
 * there is none. `find` gives the application of a name.
 */
export function dependencyCycle(
  name: string,
  find: (name: string) => Application | undefined,
): readonly string[] | undefined {
  /** By name: which application was on the way before it. */
  const from = new Map<string, string>();
  const queue = [name];
  for (const current of queue) {
    for (const next of find(current)?.sync.options.dependsOn ?? []) {
      if (next === name) return [...wayTo(current, from), name];
      if (from.has(next)) continue;
      from.set(next, current);
      queue.push(next);
    }
  }
  return undefined;
}

function wayTo(name: string, from: ReadonlyMap<string, string>): readonly string[] {
  const before = from.get(name);
  return before === undefined ? [name] : [...wayTo(before, from), name];
}
