import {
  array,
  boolean,
  constantFrom,
  dictionary,
  integer,
  oneof,
  record,
  sample,
  subarray,
  tuple,
  uniqueArray,
} from "fast-check";
import type { Arbitrary } from "fast-check";

import { apply, labels, patch } from "./sequence.ts";
import type { Sequence, Step } from "./sequence.ts";

const seed = 20_260_101;
const stepsPerWalk = 60;

const value = constantFrom("1", "2");
const values = dictionary(constantFrom("a", "b", "c"), value, { minKeys: 1 });

/** Every field that a configuration may have is there or not, independently. */
function some(fields: Record<string, Arbitrary<unknown>>): Arbitrary<Record<string, unknown>> {
  return record(fields, { requiredKeys: [] });
}

const widget = some({
  size: integer({ min: 1, max: 3 }),
  tags: subarray(["a", "b", "c"], { minLength: 1 }),
  steps: array(value, { minLength: 1, maxLength: 2 }),
  parts: uniqueArray(
    record(
      { name: constantFrom("p", "q"), color: value, weight: integer({ min: 1, max: 2 }) },
      { requiredKeys: ["name"] },
    ),
    {
      selector: ({ name }) => name,
      minLength: 1,
    },
  ),
  whole: dictionary(constantFrom("a", "b"), value, { minKeys: 1 }),
  named: values,
  free: values,
}).map((spec) => ({ spec }));

const configMap = record(
  { data: values, metadata: some({ labels: values, annotations: values }) },
  { requiredKeys: ["metadata"] },
);

const container = record(
  {
    name: constantFrom("web", "side"),
    image: constantFrom("nginx", "busybox"),
    env: uniqueArray(record({ name: constantFrom("A", "B"), value }), { selector: ({ name }) => name, minLength: 1 }),
    args: array(value, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: ["name", "image"] },
);
const deployment = tuple(
  uniqueArray(container, { selector: ({ name }) => name, minLength: 1 }),
  some({ replicas: integer({ min: 0, max: 2 }), paused: constantFrom(true) }),
).map(([containers, spec]) => ({
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } }, ...spec },
}));

function walk(configuration: Arbitrary<unknown>, patches: "merge" | "strategic"): readonly Step[] {
  const step = oneof(
    tuple(constantFrom("one", "two", "three"), configuration, boolean()).map(([manager, body, force]) =>
      apply(manager, body, force),
    ),
    tuple(constantFrom("editor", "other"), configuration).map(([manager, body]) => patch(patches, body, manager)),
  );
  const [first] = sample(configuration, { seed, numRuns: 1 });
  return [apply("one", first, true), ...sample(step, { seed, numRuns: stepsPerWalk })];
}

/** Random walks, the same on every run: three appliers and two editors write what they like. */
export const randomSequences: readonly Sequence[] = [
  { title: "a random walk", resource: "configMap", steps: walk(configMap, "merge") },
  { title: "a random walk", resource: "deployment", steps: walk(deployment, "strategic"), deep: true },
  { title: "a random walk", resource: "widget", steps: walk(widget, "merge"), deep: true },
];
