import type { Fields } from "../fields.ts";
import { choiceKey, RecordingFields, type Scenario, type Sighting } from "./recording-fields.ts";

/** One reading of a document that is not there. */
export interface Reading {
  readonly scenario: Scenario;
  readonly sightings: ReadonlyMap<string, Sighting>;
}

/** No kind of document needs more; a reader that asks for new names each time would never end. */
const maxReadings = 20_000;

/**
 * Has a reader read documents that differ in one thing at a time, until it does nothing new: each map with every field,
 * with none, with each one alone, with that one and what is said to be missing then; each field with each of its values.
 */
export function explore(read: (fields: Fields) => void): readonly Reading[] {
  const readings: Reading[] = [];
  const waiting: Scenario[] = [{ present: new Map(), choices: new Map() }];
  const planned = new Set<string>();
  for (let scenario = waiting.shift(); scenario !== undefined; scenario = waiting.shift()) {
    const sightings = new Map<string, Sighting>();
    read(new RecordingFields("", scenario, sightings));
    readings.push({ scenario, sightings });
    if (readings.length > maxReadings) throw new Error("a reader of declarations has no end of ways to read");
    for (const [name, next] of variations(scenario, sightings)) {
      if (planned.has(name)) continue;
      planned.add(name);
      waiting.push(next);
    }
  }
  return readings;
}

function* variations(
  scenario: Scenario,
  sightings: ReadonlyMap<string, Sighting>,
): Generator<readonly [name: string, next: Scenario]> {
  for (const { path, keys, problems } of sightings.values()) {
    const present = scenario.present.get(path);
    for (const keep of present === undefined
      ? [[], ...[...keys.keys()].map((key) => [key])]
      : [completed(present, problems)]) {
      const kept = new Set(keep);
      const next = { ...scenario, present: new Map(scenario.present).set(path, kept) };
      yield [`${path} with ${keep.toSorted().join(" ")}`, next];
    }
    for (const [key, { choices }] of keys) {
      for (let choice = 1; choice < choices; choice += 1) {
        const next = { ...scenario, choices: new Map(scenario.choices).set(choiceKey(path, key), choice) };
        yield [`${path} with ${[...(present ?? ["all"])].toSorted().join(" ")}, ${key} ${choice}`, next];
      }
    }
  }
}

function completed(present: ReadonlySet<string>, problems: ReadonlySet<string>): readonly string[] {
  if (present.size === 0) return [];
  const missing = [...problems].filter((problem) => problem.startsWith("missing "));
  return [...new Set([...present, ...missing.map((problem) => problem.slice("missing ".length))])];
}
