import type { JsonRecord } from "@drover/shared/json";
import type { KubeObject, Manifest } from "@drover/shared/kube/manifest";
import fc from "fast-check";
import { expect, test } from "vitest";

import { override } from "./apply-overrides.ts";
import { checkObjects } from "./check-objects.ts";
import { everyCluster } from "./cluster-selector.ts";
import { clusterOf, overrideOf, placementOf } from "./override.fixture.ts";
import { overridesFor, type Override } from "./override.ts";
import type { Patch, PatchTarget } from "./patch.ts";
import type { Placement } from "./placement.ts";
import { matchAll, parseSelector } from "./selector.ts";

const at = (line: number) => ({ file: "shop.yaml", line, column: 3 });
const object = (kind: string, name: string, spec: JsonRecord = {}, metadata: JsonRecord = {}): KubeObject => ({
  apiVersion: kind === "Deployment" ? "apps/v1" : "v1",
  kind,
  metadata: { name, ...metadata },
  spec,
});
const manifests = (...objects: KubeObject[]): Manifest[] => objects.map((object) => ({ object }));
const patches = (...list: Patch[]): Override[] => [overrideOf({ patches: list })];
const merge = (target: PatchTarget, patch: JsonRecord, line = 9): Patch => ({
  kind: "merge",
  target,
  patch,
  at: at(line),
});
const names = (list: readonly Manifest[], spec: JsonRecord): string[] =>
  list
    .filter(({ object }) => JSON.stringify(object["spec"]) === JSON.stringify(spec))
    .map(({ object }) => object.metadata.name);

test("E14: false, 0, [] and null take effect exactly", () => {
  const given = manifests(object("Deployment", "web", { paused: true, replicas: 3, list: [1], gone: "x" }));
  const wanted = { spec: { paused: false, replicas: 0, list: [], gone: null } };
  for (const kind of ["merge", "strategic"] as const) {
    const patch: Patch = { kind, target: { kind: "Deployment" }, patch: wanted, at: at(9) };
    const [patched] = override(given, patches(patch)).manifests;
    expect(patched?.object["spec"]).toEqual({ paused: false, replicas: 0, list: [] });
  }
});

test("E14: patches are applied in order, the last one wins", () => {
  const given = manifests(object("Deployment", "web", { replicas: 1 }));
  const result = override(given, patches(merge({}, { spec: { replicas: 2 } }), merge({}, { spec: { replicas: 3 } })));
  expect(result.manifests[0]?.object["spec"]).toEqual({ replicas: 3 });
});

test("E15: a patch that matches nothing is a warning with its place", () => {
  const { manifests: after, problems } = override(
    manifests(object("Deployment", "web")),
    patches(merge({ kind: "Deployment", name: "wbe" }, {}, 12)),
  );
  expect(after).toHaveLength(1);
  expect(problems).toEqual([
    {
      code: "patch-no-match",
      severity: "warning",
      message: "this patch matches no object",
      at: at(12),
      hint: "it looks for kind Deployment, name wbe",
    },
  ]);
});

test("E15: a JSON patch that fails is an error with its place, and other patches go on", () => {
  const json: Patch = {
    kind: "json",
    target: { name: "web" },
    operations: [{ op: "replace", path: "/spec/missing", value: 1 }],
    at: at(7),
  };
  const result = override(manifests(object("Deployment", "web")), patches(json, merge({}, { spec: { replicas: 2 } })));
  expect(result.problems).toMatchObject([
    {
      code: "patch-failed",
      severity: "error",
      message: 'Deployment.apps web: operation 1 (replace /spec/missing): there is no "missing"',
      at: at(7),
    },
  ]);
  expect(result.manifests[0]?.object["spec"]).toEqual({ replicas: 2 });
});

test.each<[PatchTarget, string[]]>([
  [{}, ["web", "web-2", "api", "conf"]],
  [{ kind: "Deployment" }, ["web", "web-2", "api"]],
  [{ group: "apps", version: "v1" }, ["web", "web-2", "api"]],
  [{ group: "" }, ["conf"]],
  [{ name: "web*" }, ["web", "web-2"]],
  [{ name: "*b*2" }, ["web-2"]],
  [{ name: "w*b*b" }, []],
  [{ name: "web" }, ["web"]],
  [{ namespace: "shop" }, ["web"]],
  [{ kind: "Deployment", labelSelector: parseSelector("tier in (a,b),!old") ?? matchAll }, ["web"]],
])("the target %j finds %j", (target, expected) => {
  const given = manifests(
    object("Deployment", "web", {}, { namespace: "shop", labels: { tier: "a" } }),
    object("Deployment", "web-2", {}, { labels: { tier: "a", old: "yes" } }),
    object("Deployment", "api"),
    object("ConfigMap", "conf"),
  );
  const { manifests: after } = override(given, patches(merge(target, { spec: { touched: true } })));
  expect(names(after, { touched: true })).toEqual(expected);
});

test("a pattern with many stars costs linear time", () => {
  const name = "a".repeat(253);
  const { problems } = override(
    manifests(object("ConfigMap", name)),
    patches(merge({ name: `${"a*".repeat(120)}b` }, {})),
  );
  expect(problems).toHaveLength(1);
});

test("refuses patches that turn two objects into one", () => {
  const rename: Patch = {
    kind: "json",
    target: { name: "b" },
    operations: [{ op: "replace", path: "/metadata/name", value: "a" }],
    at: at(3),
  };
  for (const names of [
    ["a", "b"],
    ["b", "a"],
  ]) {
    const given = manifests(...names.map((name) => object("ConfigMap", name)));
    expect(checkObjects(given, override(given, patches(rename)).manifests)).toMatchObject([
      { code: "duplicate-object", message: "patches turn two objects into ConfigMap a" },
    ]);
  }
});

test("leaves what no patch touches as the very same object and changes no input", () => {
  const given = manifests(object("ConfigMap", "a", { x: 1 }), object("ConfigMap", "b", { x: 1 }));
  const before = structuredClone(given);
  const { manifests: after } = override(given, patches(merge({ name: "a" }, { spec: { x: 2 } })));
  expect(after[1]).toBe(given[1]);
  expect(given).toEqual(before);
});

test("merge patches applied twice give what they give once", () => {
  const patch = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue({ maxDepth: 2 }), { noNullPrototype: true });
  fc.assert(
    fc.property(patch, fc.array(patch, { maxLength: 3 }), (spec, list) => {
      const overrides = list.map((change) => overrideOf({ patches: [merge({}, { spec: change })] }));
      const [last] = overrides.slice(-1);
      const once = override(manifests(object("ConfigMap", "a", spec)), overrides).manifests;
      expect(last === undefined ? once : override(once, [last]).manifests).toEqual(once);
    }),
  );
});

test("E25: overrides of several placements come by repository and name, whatever order they are given in", () => {
  const placement = (repository: string, name: string, line: number, env?: string): Placement => {
    const selector = { matchLabels: env === undefined ? {} : { env }, matchExpressions: [] };
    const overrides = [overrideOf({ clusters: { ...everyCluster, selector }, at: at(line) })];
    return placementOf({ repository, name, overrides });
  };
  const all = [
    placement("a", "a", 1),
    placement("a", "b", 2, "dev"),
    placement("a", "c", 3, "prod"),
    placement("b", "a", 4),
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (placements) => {
      const overrides = overridesFor(placements, clusterOf("dev-1", { labels: { env: "dev" } }));
      expect(overrides.map((override) => override.at.line)).toEqual([1, 2, 4]);
    }),
  );
});
