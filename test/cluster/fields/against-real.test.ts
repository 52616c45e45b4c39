import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { startControlPlane } from "../../rig/control-plane.ts";
import type { ControlPlane } from "../../rig/control-plane.ts";
import { describeWithRig } from "../../rig/describe-with-rig.ts";
import { jsonPatch } from "../patch/json.ts";
import { mergePatch } from "../patch/merge.ts";
import { strategicMergePatch } from "../patch/strategic.ts";
import { canonicalObject } from "../schema/canonical.ts";
import { readByValueFields, readDefinitions, typeSource } from "../schema/definitions.ts";
import type { KubeObject, ManagedFieldsEntry } from "../schema/object.ts";
import { schemaFromCrd } from "../schema/schema.ts";
import type { TypeSchema } from "../schema/type-schema.ts";
import { applyFields, trackUpdate } from "./apply.ts";
import type { ConflictCause } from "./conflict.ts";
import { readOwners } from "./entries.ts";
import { fieldsOf } from "./fields-of.ts";
import { readFrom, writeTo } from "./real-server.ts";
import type { Answer } from "./real-server.ts";
import { resources, widgetDefinition } from "./sequence.ts";
import type { Sequence, Step } from "./sequence.ts";
import { otherSequences } from "./sequences-others.ts";
import { randomSequences } from "./sequences-random.ts";
import { workloadSequences } from "./sequences-workloads.ts";
import { difference, formatPaths, intersection, union } from "./set.ts";

/**
 * Every step is written to the real server, and computed from the object that the real server had before it. The
 * types are those of the server's own version: what `newer.json` adds is not for this server to judge.
 */
const builtin = typeSource(readDefinitions("builtin.json"), readByValueFields());

describeWithRig("etcd", "kube-apiserver")("against the real API server", () => {
  let server: ControlPlane;

  beforeAll(async () => {
    server = await startControlPlane({
      name: "fields",
      apiServerFlags: ["--disable-admission-plugins=ServiceAccount"],
    });
    const collection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    await writeTo(server, { verb: "create", collection, name: "", manager: "test", body: widgetDefinition });
    await untilTyped(server);
  }, 120_000);

  afterAll(async () => {
    await server.stop();
  });

  test.each(
    [...workloadSequences, ...otherSequences, ...randomSequences].map((sequence, index) => ({ ...sequence, index })),
  )("$resource: $title", async (sequence) => {
    const name = `sequence-${sequence.index}`;
    for (const [number, step] of sequence.steps.entries()) await runStep(server, { sequence, step, number, name });
  });
});

/** The server takes a definition's schema into account some time after it serves the resource. */
async function untilTyped(server: ControlPlane): Promise<void> {
  const probe = { verb: "apply", manager: "test", body: { spec: { tags: ["a"] } } } as const;
  let attempt = 0;
  await vi.waitFor(
    async () => {
      const name = `probe-${attempt++}`;
      const body = named(probe, { ...resources.widget, name });
      const { object } = await writeTo(server, { ...probe, collection: resources.widget.collection, name, body });
      expect(object.metadata.managedFields?.[0]?.fieldsV1).toEqual({ "f:spec": { "f:tags": { 'v:"a"': {} } } });
    },
    { timeout: 30_000, interval: 200 },
  );
}

type Run = { readonly sequence: Sequence; readonly step: Step; readonly number: number; readonly name: string };

async function runStep(server: ControlPlane, { sequence, step, number, name }: Run): Promise<void> {
  const { apiVersion, kind, collection } = resources[sequence.resource];
  const { deep = false } = sequence;
  const where = `step ${number + 1} (${step.verb} by ${step.manager})`;
  const before = await readFrom(server, `${collection}/${name}`);
  const body = step.edit === undefined ? named(step, { apiVersion, kind, name }) : before && step.edit(before);
  const answer = await writeTo(server, { ...step, collection, name, body });
  if (isRefusedOutcome(answer)) return;
  const schema = schemaFor(sequence.resource);
  if (step.verb === "apply") compareApply({ where, answer, before, schema, step, deep }, body as KubeObject);
  else compareUpdate({ where, answer, before, schema, step, deep }, body);
}

/**
 * Whether the server refused what came out, which is validation's matter and leaves the object as it was: an item
 * that lost a required field with its owner; or null, which servers before 1.21 leave where an apply took the last
 * field out of a custom resource's map or list (later ones, like ours, take the map or list away with it).
 */
function isRefusedOutcome({ status, message }: Answer): boolean {
  return status === 422 && (message.includes(": Required value") || message.includes('Invalid value: "null"'));
}

function named(step: Step, { apiVersion, kind, name }: { apiVersion: string; kind: string; name: string }): unknown {
  if (step.verb !== "create" && step.verb !== "apply") return step.body;
  const body = step.body as Partial<KubeObject>;
  return { ...body, apiVersion, kind, metadata: { ...body.metadata, name, namespace: "default" } };
}

function schemaFor(resource: keyof typeof resources): TypeSchema {
  if (resource === "widget") {
    return schemaFromCrd(widgetDefinition.spec.versions[0]?.schema.openAPIV3Schema, false);
  }
  const { apiVersion, kind } = resources[resource];
  const name = builtin.names.get(`${apiVersion.includes("/") ? "" : "/"}${apiVersion}/${kind}`) ?? "";
  return builtin.schemaOf(name);
}

type Comparison = {
  readonly where: string;
  readonly answer: Answer;
  readonly before: KubeObject | undefined;
  readonly schema: TypeSchema;
  readonly step: Step;
  readonly deep: boolean;
};

function compareApply({ where, answer, before, schema, step, deep }: Comparison, applied: KubeObject): void {
  const { manager, force = false } = step;
  const own = applyFields({ live: before, applied, manager, force, now: latestTime(answer), schema });
  if (own.kind === "conflict") {
    const causes = own.causes.map((cause) => comparableCause(cause, deep));
    const real = answer.causes.map((cause) => comparableCause(cause, deep));
    // The real server lists the managers in random order.
    expect.soft([answer.status, ...real.toSorted()], where).toEqual([409, ...causes.toSorted()]);
    return;
  }
  expect.soft([answer.status, answer.message], where).toEqual([before === undefined ? 201 : 200, ""]);
  expect.soft(entries(own.object), where).toEqual(entries(answer.object));
  expectSameFields({ where, own: own.object, real: answer.object, schema });
  const sameVersion = before?.metadata.resourceVersion === answer.object.metadata.resourceVersion;
  // A server of 1.20 writes an apply that changes only ownership without a new time, and so may not write it at all.
  if (own.object === before) expect.soft(sameVersion, where).toBe(true);
}

function compareUpdate({ where, answer, before, schema, step }: Comparison, body: unknown): void {
  const patched = patchedBy(step, { before, body, schema });
  if (patched === undefined) {
    expect.soft(answer.status, where).toBe(422);
    return;
  }
  expect.soft([answer.status, answer.message], where).toEqual([step.verb === "create" ? 201 : 200, ""]);
  const own = step.verb === "update" ? canonicalObject(patched, schema) : patched;
  expectSameFields({ where, own, real: answer.object, schema });
  // Defaults are set before changes are tracked; what the server allots (addresses, ports) comes after.
  const after = withoutAllotted(
    {
      ...answer.object,
      metadata: withEntries(answer.object.metadata, patched.metadata.managedFields),
    },
    before,
  );
  const tracked = trackUpdate({ before, after, manager: step.manager, now: latestTime(answer), schema });
  expect.soft(entries(tracked), where).toEqual(entries(answer.object));
}

/** The time at which the server wrote its answer, as far as entries show it. */
function latestTime({ object }: Answer): string {
  return (object.metadata.managedFields ?? []).map(({ time = "" }) => time).reduce((a, b) => (a < b ? b : a), "");
}

function comparableCause({ field, message }: ConflictCause, deep: boolean): string {
  return `${message}: ${deep ? (field.split("[")[0] ?? "") : field}`;
}

type Patching = { readonly before: KubeObject | undefined; readonly body: unknown; readonly schema: TypeSchema };

function patchedBy(step: Step, { before, body, schema }: Patching): KubeObject | undefined {
  try {
    if (step.verb === "json") return jsonPatch(before, body) as KubeObject;
    if (step.verb === "merge") return mergePatch(before, body) as KubeObject;
    if (step.verb === "strategic") return strategicMergePatch(before, body, schema) as KubeObject;
    return body as KubeObject;
  } catch {
    return undefined;
  }
}

function withEntries(metadata: KubeObject["metadata"], managedFields: ManagedFieldsEntry[] | undefined) {
  const { managedFields: _, ...rest } = metadata;
  return managedFields === undefined ? rest : { ...rest, managedFields };
}

function withoutAllotted(object: KubeObject, before: KubeObject | undefined): KubeObject {
  if (object.kind !== "Service" || before !== undefined) return object;
  const { clusterIP: _, clusterIPs: __, ...spec } = object["spec"] as Record<string, unknown>;
  return { ...object, spec };
}

/** Entries without their times, which differ between the clocks. */
function entries(object: KubeObject): unknown[] {
  const all = (object.metadata.managedFields ?? []).map((entry) => ({ ...entry, time: "" }));
  return all.toSorted((a, b) => (JSON.stringify(key(a)) < JSON.stringify(key(b)) ? -1 : 1));
}

function key({ manager, operation, apiVersion }: ManagedFieldsEntry): unknown {
  return [operation, manager, apiVersion];
}

type Pair = {
  readonly where: string;
  readonly own: KubeObject;
  readonly real: KubeObject;
  readonly schema: TypeSchema;
};

/** What we have the real server has with the same value; what it has beyond that are defaults, which nobody owns. */
function expectSameFields({ where, own, real, schema }: Pair): void {
  const [mine, theirs] = [fieldsOf(comparable(own), schema), fieldsOf(comparable(real), schema)];
  let owned = fieldsOf({}, schema);
  for (const { operation, set } of readOwners(real).values()) if (operation === "Apply") owned = union(owned, set);
  const extra = intersection(difference(theirs, mine), owned);
  expect.soft({ missing: [], extra: formatPaths(extra) }, where).toEqual({
    missing: formatPaths(difference(mine, theirs)).filter((path) => !path.startsWith(".status")),
    extra: [],
  });
  expect.soft(sortedItems(comparable(real)), where).toMatchObject(sortedItems(comparable(own)) as KubeObject);
}

const bookkeeping = ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"];

function comparable(object: KubeObject): KubeObject {
  const metadata = Object.entries(object.metadata).filter(([name]) => !bookkeeping.includes(name));
  const { status: _, ...rest } = object;
  return { ...rest, metadata: Object.fromEntries(metadata) };
}

/** Items of lists with keys and sets in order: newer servers take over the applied order, 1.20 keeps its own. */
function sortedItems(value: unknown, field = ""): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (!Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sortedItems(item, key)]));
  }
  const items = value.map((item: unknown) => sortedItems(item));
  const ordered = field === "tags" || items.every((item) => typeof item === "object" && nameOf(item) !== "");
  return ordered ? items.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)) : items;
}

function nameOf(item: unknown): string {
  if (typeof item === "string") return item;
  return typeof item === "object" && item !== null && "name" in item && typeof item.name === "string" ? item.name : "";
}
