import { assert, constantFrom, dictionary, option, property, record, uniqueArray } from "fast-check";
import type { Arbitrary } from "fast-check";
import { describe, expect, test } from "vitest";

import { builtinSchema } from "../schema/schema.ts";
import type { FieldsV1, KubeObject, TypeSchema } from "../schema/schema.ts";
import { applyFields, trackUpdate } from "./apply.ts";
import type { ApplyRequest, ApplyResult } from "./apply.ts";

function schemaOf(kind: "Deployment" | "ConfigMap" | "Service"): TypeSchema {
  const schema = builtinSchema({ group: kind === "Deployment" ? "apps" : "", version: "v1", kind });
  if (schema === undefined) throw new Error(`no schema of ${kind}`);
  return schema;
}

const schema = schemaOf("Deployment");
const now = "2026-01-01T00:00:00Z";
const later = "2026-01-02T00:00:00Z";

function deployment(spec: Record<string, unknown>): KubeObject {
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "shop" }, spec };
}

function pod(containers: readonly Record<string, unknown>[]): Record<string, unknown> {
  return { template: { spec: { containers } } };
}

type Options = Partial<Omit<ApplyRequest, "live" | "applied">>;

function outcome(live: KubeObject | undefined, configuration: KubeObject, options: Options): ApplyResult {
  const request = { live, applied: configuration, manager: "drover", force: false, now, schema };
  return applyFields({ ...request, ...options });
}

function applied(live: KubeObject | undefined, configuration: KubeObject, options: Options = {}): KubeObject {
  const result = outcome(live, configuration, options);
  if (result.kind === "conflict") throw new Error(JSON.stringify(result.causes));
  return result.object;
}

function conflictOf(live: KubeObject, configuration: KubeObject, options: Options = {}): readonly string[] {
  const result = outcome(live, configuration, options);
  return result.kind === "conflict" ? result.causes.map(({ message, field }) => `${message}: ${field}`) : [];
}

function fieldsBy(object: KubeObject, manager: string, subresource?: string): FieldsV1 | undefined {
  const entries = object.metadata.managedFields ?? [];
  return entries.find((entry) => entry.manager === manager && entry.subresource === subresource)?.fieldsV1;
}

describe("apply", () => {
  test("the same apply again returns the live object itself", () => {
    const live = applied(undefined, deployment({ replicas: 2 }));
    expect(applied(live, deployment({ replicas: 2 }), { now: later })).toBe(live);
  });

  test("the entry's time changes only with its fields", () => {
    const live = applied(undefined, deployment({ replicas: 2 }));
    const changed = applied(live, deployment({ replicas: 2, paused: true }), { now: later });
    expect(live.metadata.managedFields?.[0]?.time).toBe(now);
    expect(changed.metadata.managedFields?.[0]?.time).toBe(later);
  });

  test("a changed value of another manager is a conflict that names manager, version and path", () => {
    const live = applied(undefined, deployment({ replicas: 2, ...pod([{ name: "web", image: "a" }]) }));
    const edited = { ...live, spec: { replicas: 5, ...pod([{ name: "web", image: "b" }]) } };
    const tracked = trackUpdate({ before: live, after: edited, manager: "kubectl-edit", now: later, schema });
    expect(conflictOf(tracked, deployment({ replicas: 2, ...pod([{ name: "web", image: "a" }]) }))).toEqual([
      'conflict with "kubectl-edit" using apps/v1: .spec.replicas',
      'conflict with "kubectl-edit" using apps/v1: .spec.template.spec.containers[name="web"].image',
    ]);
  });

  test("a conflict with an applier names no version, and a subresource where there is one", () => {
    const live = applied(undefined, { ...deployment({}), status: { replicas: 1 } }, { subresource: "status" });
    expect(conflictOf(live, { ...deployment({}), status: { replicas: 2 } })).toEqual([
      'conflict with "drover" with subresource "status": .status.replicas',
    ]);
  });

  test("the same value is shared instead of fought over", () => {
    const live = applied(undefined, deployment({ replicas: 2 }));
    const shared = applied(live, deployment({ replicas: 2 }), { manager: "other" });
    expect(fieldsBy(shared, "drover")).toEqual(fieldsBy(shared, "other"));
    expect(applied(shared, deployment({}))["spec"]).toEqual({ replicas: 2 });
  });

  test("force takes the field and its ownership", () => {
    const live = applied(undefined, deployment({ replicas: 2, paused: true }));
    const taken = applied(live, deployment({ replicas: 3 }), { manager: "other", force: true });
    expect(taken["spec"]).toEqual({ replicas: 3, paused: true });
    expect(fieldsBy(taken, "drover")).toEqual({ "f:spec": { "f:paused": {} } });
  });

  test("a dropped struct goes with the defaults below it that nobody owns", () => {
    const probe = { httpGet: { path: "/", port: 80 } };
    const live = applied(undefined, deployment(pod([{ name: "web", image: "a", readinessProbe: probe }])));
    const defaulted = {
      ...live,
      spec: pod([
        {
          name: "web",
          image: "a",
          readinessProbe: { httpGet: { ...probe.httpGet, scheme: "HTTP" }, timeoutSeconds: 1 },
        },
      ]),
    };
    expect(applied(defaulted, deployment(pod([{ name: "web", image: "a" }])))["spec"]).toEqual(
      pod([{ name: "web", image: "a" }]),
    );
  });

  test("an item somebody else has fields in stays, with those fields", () => {
    const live = applied(undefined, deployment(pod([{ name: "web", image: "a", tty: true }])));
    const both = applied(live, deployment(pod([{ name: "web", workingDir: "/w" }])), { manager: "other" });
    expect(applied(both, deployment({}))["spec"]).toEqual(pod([{ name: "web", workingDir: "/w" }]));
  });

  test("the applied order of list items is taken over, unnamed items keep their place", () => {
    const live = applied(undefined, deployment(pod([{ name: "a" }, { name: "b" }, { name: "c" }])));
    const own = { ...live, metadata: { ...live.metadata, managedFields: [] } };
    const merged = applied(own, deployment(pod([{ name: "c" }, { name: "new" }, { name: "a" }])), { force: true });
    expect(merged["spec"]).toEqual(pod([{ name: "b" }, { name: "c" }, { name: "new" }, { name: "a" }]));
  });

  test("an absent key field counts as its default", () => {
    const first = applied(undefined, deployment(pod([{ name: "web", ports: [{ containerPort: 80 }] }])));
    const live = { ...first, spec: pod([{ name: "web", ports: [{ containerPort: 80, protocol: "TCP" }] }]) };
    const merged = applied(live, deployment(pod([{ name: "web", ports: [{ containerPort: 80, name: "http" }] }])));
    expect(merged["spec"]).toEqual(
      pod([{ name: "web", ports: [{ containerPort: 80, protocol: "TCP", name: "http" }] }]),
    );
  });

  test("ignored paths are owned by nobody", () => {
    const object = applied(
      undefined,
      { ...deployment({ replicas: 1 }), status: { replicas: 1 } },
      { ignored: [["status"]] },
    );
    expect(fieldsBy(object, "drover")).toEqual({ "f:spec": { "f:replicas": {} } });
  });

  test("the live object keeps its identity when the configuration carries another", () => {
    const live = applied(undefined, deployment({ replicas: 1 }));
    const stored = { ...live, metadata: { ...live.metadata, uid: "1", creationTimestamp: now, resourceVersion: "7" } };
    const stale = {
      ...deployment({ replicas: 1 }),
      metadata: { name: "web", namespace: "shop", creationTimestamp: null },
    };
    expect(applied(stored, stale, { now: later })).toBe(stored);
  });

  test("what an untracked object held can conflict with its first apply", () => {
    expect(conflictOf(deployment({ replicas: 1 }), deployment({ replicas: 2 }))).toEqual([
      'conflict with "before-first-apply" using apps/v1: .spec.replicas',
    ]);
  });

  test("an applier keeps one entry when it moves to another apiVersion", () => {
    const live = applied(undefined, { ...deployment({ replicas: 1 }), apiVersion: "apps/v1beta2" });
    const moved = applied(live, deployment({ replicas: 1 }));
    expect(moved.metadata.managedFields?.map(({ apiVersion }) => apiVersion)).toEqual(["apps/v1"]);
  });
});

describe("an apply that does not fit the schema", () => {
  test.each([
    ["an undeclared field", { nope: 1 }, ".spec.nope: field not declared in schema"],
    ["a wrong type", { replicas: "2" }, ".spec.replicas: expected numeric (int or float), got string"],
    ["no list", pod({} as never), ".spec.template.spec.containers: expected list, got map"],
    [
      "two items with one key",
      pod([{ name: "a" }, { name: "a" }]),
      '.spec.template.spec.containers: duplicate entries for key [name="a"]',
    ],
    [
      "an item without its key",
      pod([{ image: "a" }]),
      '.spec.template.spec.containers: element 0: associative list with keys has an element that omits key field "name" (and doesn\'t have default value)',
    ],
  ])("is refused for %s", (_, spec, message) => {
    const expected = `failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): ${message}`;
    expect(() => applied(undefined, deployment(spec))).toThrow(expected);
  });

  test("is refused with managedFields of its own, even none", () => {
    const configuration = { ...deployment({}), metadata: { name: "web", managedFields: [] } };
    expect(() => applied(undefined, configuration)).toThrow("metadata.managedFields must be nil");
  });
});

describe("update", () => {
  test("changed and added fields move to the updater, removed ones go from everybody", () => {
    const live = applied(undefined, deployment({ replicas: 2, paused: true, minReadySeconds: 1 }));
    const after = { ...live, spec: { replicas: 5, paused: true, revisionHistoryLimit: 3 } };
    const tracked = trackUpdate({ before: live, after, manager: "kubectl", now: later, schema });
    expect(fieldsBy(tracked, "drover")).toEqual({ "f:spec": { "f:paused": {} } });
    expect(fieldsBy(tracked, "kubectl")).toEqual({ "f:spec": { "f:replicas": {}, "f:revisionHistoryLimit": {} } });
  });

  test("status is tracked in an entry of its subresource", () => {
    const live = applied(undefined, deployment({ replicas: 2 }));
    const after = { ...live, status: { readyReplicas: 2 } };
    const tracked = trackUpdate({
      before: live,
      after,
      manager: "controller",
      now: later,
      schema,
      subresource: "status",
    });
    expect(fieldsBy(tracked, "controller", "status")).toEqual({ "f:status": { "f:readyReplicas": {} } });
    expect(fieldsBy(tracked, "drover")).toEqual(fieldsBy(live, "drover"));
  });

  test.each([
    ["no entries", []],
    ["one empty entry", [{}]],
  ])("managedFields set to %s are dropped", (_, managedFields) => {
    const live = applied(undefined, deployment({ replicas: 2 }));
    const after = { ...live, metadata: { ...live.metadata, managedFields } };
    const tracked = trackUpdate({ before: live, after, manager: "kubectl", now: later, schema });
    expect(tracked.metadata).not.toHaveProperty("managedFields");
  });

  test("bookkeeping fields belong to nobody", () => {
    const after = { ...deployment({}), metadata: { name: "web", uid: "1", generation: 1, resourceVersion: "2" } };
    const tracked = trackUpdate({ before: undefined, after, manager: "kubectl", now, schema });
    expect(tracked.metadata.managedFields).toBeUndefined();
  });

  test("no value is ever changed in place", () => {
    const live = deepFreeze(applied(undefined, deployment({ replicas: 2, ...pod([{ name: "web", image: "a" }]) })));
    const configuration = deepFreeze(deployment({ replicas: 3, ...pod([{ name: "web", image: "b", tty: true }]) }));
    expect(() => applied(live, configuration)).not.toThrow();
    expect(() => trackUpdate({ before: live, after: configuration, manager: "kubectl", now, schema })).not.toThrow();
  });
});

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const item of Object.values(value)) deepFreeze(item);
    Object.freeze(value);
  }
  return value;
}

const container: Arbitrary<Record<string, unknown>> = record({
  image: constantFrom("a", "b"),
  env: option(
    uniqueArray(record({ name: constantFrom("A", "B", "C"), value: constantFrom("1", "2") }), {
      selector: ({ name }) => name,
      minLength: 1,
    }),
    { nil: undefined },
  ),
});

/** Configurations whose fields all have the prefix, so that two prefixes never meet. */
function configurations(prefix: string): Arbitrary<KubeObject> {
  return record({
    labels: dictionary(constantFrom("a", "b", "c"), constantFrom("1", "2"), { minKeys: 1 }),
    containers: dictionary(constantFrom("web", "side"), container, { minKeys: 1 }),
  }).map(({ labels, containers }) => ({
    ...deployment(
      pod(Object.entries(containers).map(([name, fields]) => withoutUndefined({ name: prefix + name, ...fields }))),
    ),
    metadata: { name: "web", namespace: "shop", labels: prefixed(labels, prefix) },
  }));
}

function prefixed(values: Record<string, string>, prefix: string): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [prefix + key, value]));
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}

describe("for every configuration", () => {
  test("applying twice is applying once", () => {
    assert(
      property(configurations(""), (configuration) => {
        const once = applied(undefined, configuration);
        expect(applied(once, configuration, { now: later })).toBe(once);
      }),
    );
  });

  test("the next configuration replaces the last one of the same manager entirely", () => {
    assert(
      property(configurations(""), configurations(""), (first, second) => {
        const object = applied(applied(undefined, first), second);
        expect(sorted(object)).toEqual(sorted(applied(undefined, second)));
      }),
    );
  });

  test("two managers without common fields commute", () => {
    assert(
      property(configurations("x"), configurations("y"), (one, two) => {
        const forth = applied(applied(undefined, one, { manager: "one" }), two, { manager: "two" });
        const back = applied(applied(undefined, two, { manager: "two" }), one, { manager: "one" });
        expect(sorted(forth)).toEqual(sorted(back));
      }),
    );
  });

  test("what one manager gives up leaves the other's object", () => {
    assert(
      property(configurations("x"), configurations("y"), (one, two) => {
        const both = applied(applied(undefined, one, { manager: "one" }), two, { manager: "two" });
        const bare = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "shop" } };
        const left = applied(both, bare, { manager: "one" });
        expect(sorted(left)).toEqual(sorted({ ...applied(undefined, two, { manager: "two" }) }));
      }),
    );
  });

  test("a forced apply after any update makes its fields what they were", () => {
    assert(
      property(configurations(""), configurations(""), (configuration, edit) => {
        const live = applied(undefined, configuration);
        const after = { ...edit, metadata: { ...edit.metadata, managedFields: live.metadata.managedFields ?? [] } };
        const edited = trackUpdate({ before: live, after, manager: "edit", now, schema });
        const repaired = applied(edited, configuration, { force: true, now: later });
        expect(fieldsBy(repaired, "drover")).toEqual(fieldsBy(live, "drover"));
        expect(applied(repaired, configuration, { now: later })).toBe(repaired);
      }),
    );
  });
});
