import type { JsonRecord } from "@drover/shared/json";
import { canonicalize } from "@drover/shared/kube/canonical";
import type { KubeObject } from "@drover/shared/kube/manifest";
import fc from "fast-check";
import { expect, test } from "vitest";

import { override } from "../apply-overrides.ts";
import { clusterOf, overrideOf, placementOf } from "../override.fixture.ts";
import type { Override } from "../override.ts";
import type { Patch } from "../patch.ts";
import { fillObject } from "../templates.ts";
import { markVariables } from "../variables.ts";
import { leafKey, leavesOf, type Traced } from "./origins.ts";
import { replay } from "./replay.ts";
import { placedOverrides } from "./target.ts";
import { traceWhole } from "./written.ts";

const at = { file: "shop.yaml", line: 1, column: 1 };
const word = fc.constantFrom("a", "b", "${cluster.name}", "x-${cluster.vars.v}", "${cluster.labels.none:-z}");
const scalar = fc.oneof(word, fc.integer({ min: 0, max: 3 }), fc.boolean(), fc.constant(null));
const item = fc.record({
  name: fc.constantFrom("m", "n", "o"),
  image: fc.constantFrom("nginx:1", "redis"),
  value: scalar,
});
const items = fc.uniqueArray(item, { maxLength: 3, selector: ({ name }) => name });
const spec = fc.record(
  {
    replicas: scalar,
    args: fc.array(scalar, { maxLength: 3 }),
    template: fc.record({ spec: fc.record({ containers: items }) }),
    extra: fc.dictionary(word, scalar, { maxKeys: 3, noNullPrototype: true }),
  },
  { requiredKeys: [] },
);
const kind = fc.constantFrom("Deployment", "Gadget", "Secret");
const data = fc.dictionary(fc.constantFrom("k", "l"), word, { noNullPrototype: true });
const object = fc.record({ kind, spec, data }).map((given): KubeObject => {
  const apiVersion = given.kind === "Deployment" ? "apps/v1" : given.kind === "Secret" ? "v1" : "example.org/v1";
  const body: JsonRecord = given.kind === "Secret" ? { stringData: given.data } : { spec: given.spec };
  return canonicalize({ apiVersion, kind: given.kind, metadata: { name: "web" }, ...body });
});
const operation = fc.constantFrom(
  { op: "add", path: "/spec/args/0", value: "new" } as const,
  { op: "remove", path: "/spec/args/0" } as const,
  { op: "add", path: "/metadata/labels", value: { l: "${cluster.name}" } } as const,
  { op: "move", from: "/spec/args", path: "/spec/moved" } as const,
);
const patch = fc.oneof(
  fc.record({
    kind: fc.constantFrom("strategic" as const, "merge" as const),
    target: fc.constant({}),
    patch: fc.record({ spec, data }),
    at: fc.constant(at),
  }),
  fc.record({
    kind: fc.constant("json" as const),
    target: fc.constant({}),
    operations: fc.array(operation, { maxLength: 2 }),
    at: fc.constant(at),
  }),
);
const texts = fc.dictionary(fc.constantFrom("l", "k"), fc.option(word), { maxKeys: 2, noNullPrototype: true });
const anyOverride = fc
  .record({
    patches: fc.array(patch, { maxLength: 2 }),
    images: fc.constantFrom([], [{ name: "nginx", newName: undefined, newTag: "2", digest: undefined, at }]),
    replicas: fc.constantFrom([], [{ name: "web", count: 2, at }]),
    labels: texts,
    annotations: texts,
    vars: fc.constantFrom({}, { v: "over" }),
  })
  .map((change): Override => overrideOf(markVariables(change as { patches: readonly Patch[] }).value));

const cluster = clusterOf("prod-1", { vars: { v: 1 } });
const sourceWith = (overrides: readonly Override[]) => ({
  ...cluster,
  vars: { ...cluster.vars, ...(Object.assign({}, ...overrides.map(({ vars }) => vars)) as typeof cluster.vars) },
});
const trace = (given: KubeObject, overrides: readonly Override[]): Traced<KubeObject> => {
  const placed = placedOverrides(overrides, [placementOf({ overrides })]);
  const written = traceWhole({ object: given, at }, { kind: "manifest", repository: "config" });
  const target = { cluster, declared: undefined };
  return replay(written, { target, overrides: placed, source: sourceWith(overrides), placeOf: ({ at: own }) => own });
};

test("replaying gives the object that the cluster gets, and each of its leaves one origin and no other", () => {
  fc.assert(
    fc.property(object, fc.array(anyOverride, { maxLength: 3 }), (given, overrides) => {
      const { value: marked } = markVariables(given);
      const [manifest] = override([{ object: marked }], overrides).manifests;
      const wanted = canonicalize(fillObject(manifest?.object ?? marked, sourceWith(overrides)).value);
      const { value, origins } = trace(marked, overrides);
      expect(value).toEqual(wanted);
      expect([...origins.keys()].toSorted()).toEqual(
        leavesOf(value)
          .map(({ path }) => leafKey(path))
          .toSorted(),
      );
    }),
    { numRuns: 500 },
  );
});

test("what no override changes keeps the origin that it was written with", () => {
  fc.assert(
    fc.property(object, (given) => {
      const { value, origins } = trace(given, [overrideOf({ labels: { l: "1" } })]);
      for (const { path } of leavesOf(value)) {
        const { kind: who } = origins.get(leafKey(path))?.origin ?? {};
        expect(who).toBe(path[1] === "labels" ? "override" : "manifest");
      }
    }),
  );
});

test.each([
  ["keyed", (n: number) => ({ name: `n${n}`, value: n })],
  ["keyed by two fields", (n: number) => ({ port: 1, protocol: `p${n}` })],
  ["equal", () => 0],
])("a list with many %s items is traced in linear time", (_what, item) => {
  const items = Array.from({ length: 8_000 }, (_, n) => item(n));
  const given = { apiVersion: "example.org/v1", kind: "Gadget", metadata: { name: "web" }, spec: { items } };
  const patch: Patch = { kind: "merge", target: {}, patch: { spec: { items: [...items, ...items.slice(0, 1)] } }, at };
  const { origins } = trace(given, [overrideOf({ patches: [patch] })]);
  expect(origins.size).toBeGreaterThan(8_000);
});
