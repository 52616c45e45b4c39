import { expect, vi } from "vitest";

import type { ApiCall } from "../rig/api-call.ts";
import type { ApiFaultProxy, InjectedRule } from "../rig/api-fault-proxy.ts";
import type { Fault, FaultName } from "../rig/api-faults.ts";
import { configMap, mapPath, service } from "./agent-objects.ts";
import { field, type LoneAgent } from "./lone-agent.ts";

export const patience = { timeout: 60_000, interval: 50 } as const;

/** One fault at one kind of call. Everything that a cell is about carries its name in its path. */
export interface Cell {
  readonly agent: LoneAgent;
  readonly proxy: ApiFaultProxy;
  readonly fault: Fault;
  readonly faultName: FaultName | "empty list" | "stale list";
  readonly name: string;
}

/** A kind of call: makes the agent do it in the cell, with the fault, and sees that nothing is lost by it. */
export type Scenario = (cell: Cell) => Promise<void>;

/** The server says that the object is not there, and it is the one to know. */
const believed: readonly Cell["faultName"][] = ["404 registry"];

/** What the agent tries again on its own only after minutes; somebody has to do something about it first. */
const forPeople: ReadonlySet<Cell["faultName"]> = new Set([
  "400 bad request",
  "403 forbidden",
  "403 quota",
  "409 field manager conflict",
  "413 too large",
  "415 media type",
  "422 invalid",
  "500 typed patch",
  "webhook denial",
]);

/** The server has done it, and the answer did not come (whole). */
const delivered: ReadonlySet<Cell["faultName"]> = new Set([
  "timeout after delivery",
  "connection reset",
  "truncated JSON",
]);

export function strike(cell: Cell, when: (call: ApiCall) => boolean): InjectedRule {
  return cell.proxy.inject({ when, fault: cell.fault });
}

/** Twice, where the agent tries again soon: what it has learned from the first must not be acted on. */
export function times({ faultName }: Cell): number {
  // A 429 stops all calls for as long as it says, and there are many cells; a stale list is taken for what it is.
  return faultName.startsWith("429") || faultName === "stale list" ? 1 : 2;
}

async function untilStruck(cell: Cell, rule: InjectedRule): Promise<void> {
  const enough = forPeople.has(cell.faultName) ? 1 : times(cell);
  await vi.waitFor(() => expect(rule.struck).toBeGreaterThanOrEqual(enough), patience);
}

async function uidOf(cell: Cell, path: string): Promise<unknown> {
  return field(await cell.agent.get(path), "metadata", "uid");
}

/** What is left to people they have tried again. */
function syncOf({ faultName }: Cell): { readonly syncRequest: number } {
  return { syncRequest: forPeople.has(faultName) ? 1 : 0 };
}

function deletesOf(cell: Cell): readonly ApiCall[] {
  return cell.proxy.calls(({ kind, path }) => kind === "delete" && path.includes(cell.name));
}

/** Nothing was concluded from the fault: no deletion was asked for, and nobody is said to have changed anything. */
function expectNothingLost(cell: Cell, application = cell.name): void {
  expect(deletesOf(cell)).toEqual([]);
  const objects = cell.agent.hub.report(application)?.objects ?? [];
  expect(objects.filter((object) => object.drift !== undefined)).toEqual([]);
}

type Objects = Parameters<LoneAgent["hub"]["assign"]>[1];

/** The fault is over: everything gets as desired, and then there is nothing more to do. */
export async function untilConverged(
  cell: Cell,
  objects: Objects,
  options: { readonly syncRequest?: number; readonly namespace?: string; readonly createNamespace?: boolean } = {},
): Promise<void> {
  const { agent, name } = cell;
  const applies = () => cell.proxy.calls(({ kind, path }) => kind === "apply" && path.includes(name)).length;
  const synced = applies() + (options.syncRequest === 1 ? objects.length : 0);
  const { bundle } = agent.hub.assign(name, objects, options);
  // What is asked for anew is applied anew.
  await vi.waitFor(() => expect(applies()).toBeGreaterThanOrEqual(synced), patience);
  await agent.untilApplied(name, bundle);
  const looks = new Set<string>(["discovery", "list", "watch"]);
  // What its health depends on is looked up once, at any time.
  const isWork = ({ kind, path }: ApiCall): boolean =>
    path.includes(name) && !looks.has(kind) && !(kind === "get" && path.includes("/customresourcedefinitions/"));
  let pass = 0;
  // A try that began before the fault was over may still end, and a report be of before; after that all is quiet.
  await vi.waitFor(async () => {
    pass += 1;
    const commit = pass.toString(16).padStart(40, "0");
    const before = cell.proxy.calls(isWork).length;
    agent.hub.assign(name, objects, { ...options, commit });
    await agent.untilReported(name, { commit, phase: "applied" });
    const more = cell.proxy.calls(isWork).slice(before);
    expect(more.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  }, patience);
}

const firstApply: Scenario = async (cell) => {
  const { agent, name } = cell;
  const objects = [configMap(`${name}-bad`, { a: "1" }), configMap(`${name}-good`, { a: "1" })];
  const rule = strike(cell, (call) => call.kind === "apply" && call.name === `${name}-bad`);
  agent.hub.assign(name, objects);
  await untilStruck(cell, rule);
  await vi.waitFor(async () => expect(await uidOf(cell, mapPath(`${name}-good`))).toBeDefined(), patience);
  const made = await uidOf(cell, mapPath(`${name}-bad`));
  expect(made !== undefined).toBe(delivered.has(cell.faultName));
  expectNothingLost(cell);
  rule.lift();
  await untilConverged(cell, objects, syncOf(cell));
  if (made !== undefined) expect(await uidOf(cell, mapPath(`${name}-bad`))).toBe(made);
};

const repair: Scenario = async (cell) => {
  const { agent, name } = cell;
  const objects = [configMap(`${name}-bad`, { a: "1" }), configMap(`${name}-good`, { a: "1" })];
  await agent.untilApplied(name, agent.hub.assign(name, objects).bundle);
  const uid = await uidOf(cell, mapPath(`${name}-bad`));
  const rule = strike(cell, (call) => call.kind === "apply" && call.name === `${name}-bad`);
  await agent.edit(mapPath(`${name}-bad`), { data: { a: "2" } });
  await vi.waitFor(() => expect(rule.struck).toBeGreaterThanOrEqual(1), patience);
  await agent.edit(mapPath(`${name}-good`), { data: { a: "2" } });
  const dataOf = async (path: string): Promise<unknown> => field(await agent.get(path), "data");
  await vi.waitFor(async () => expect(await dataOf(mapPath(`${name}-good`))).toEqual({ a: "1" }), patience);
  expect(deletesOf(cell)).toEqual([]);
  expect(await uidOf(cell, mapPath(`${name}-bad`))).toBe(uid);
  rule.lift();
  await untilConverged(cell, objects, syncOf(cell));
  expect(await dataOf(mapPath(`${name}-bad`))).toEqual({ a: "1" });
  expect(await uidOf(cell, mapPath(`${name}-bad`))).toBe(uid);
};

const dryRun: Scenario = async (cell) => {
  const { agent, name } = cell;
  // The probe has a name that nobody knows, but it is in the same namespace.
  await agent.create("/api/v1/namespaces", { metadata: { name } });
  const fixed = (a: string) => ({ ...configMap("fixed", { a }, name), immutable: true });
  await agent.untilApplied(name, agent.hub.assign(name, [fixed("1")]).bundle);
  const path = mapPath("fixed", name);
  const uid = await uidOf(cell, path);
  const rule = strike(cell, (call) => call.kind === "dry-run" && call.namespace === name);
  agent.hub.assign(name, [fixed("2")]);
  await vi.waitFor(() => expect(rule.struck).toBeGreaterThanOrEqual(1), patience);
  await agent.untilReported(name, { objects: [{ apply: "failed" }] });
  expect(agent.hub.report(name)?.objects[0]?.reason).not.toBe("Immutable");
  expectNothingLost(cell);
  rule.lift();
  agent.hub.assign(name, [fixed("2")], { syncRequest: 1 });
  await agent.untilReported(name, { objects: [{ apply: "failed", reason: "Immutable" }] });
  expect(await agent.get(path)).toMatchObject({ metadata: { uid }, data: { a: "1" } });
  await untilConverged(cell, [fixed("1")], { syncRequest: 2 });
};

function pruneWith(kind: "get" | "delete"): Scenario {
  return async (cell) => {
    const { agent, name, faultName } = cell;
    const [drop, keep] = [configMap(`${name}-drop`, { a: "1" }), configMap(`${name}-keep`, { a: "1" })];
    await agent.untilApplied(name, agent.hub.assign(name, [drop, keep]).bundle);
    const uid = await uidOf(cell, mapPath(`${name}-drop`));
    const rule = strike(cell, (call) => call.kind === kind && call.name === `${name}-drop`);
    agent.hub.assign(name, [keep]);
    const isBelieved = believed.includes(faultName);
    const isDone = kind === "delete" && delivered.has(faultName);
    if (isBelieved || isDone) await vi.waitFor(() => expect(rule.struck).toBeGreaterThanOrEqual(1), patience);
    else {
      await vi.waitFor(() => expect(rule.struck).toBeGreaterThanOrEqual(times(cell)), patience);
      expect(await uidOf(cell, mapPath(`${name}-drop`))).toBe(uid);
      await agent.untilReported(name, {
        objects: expect.arrayContaining([expect.objectContaining({ apply: "pruning" })]),
      });
    }
    if (kind === "get") expectNothingLost(cell);
    rule.lift();
    await untilConverged(cell, [keep]);
    if (isBelieved) return;
    await vi.waitFor(async () => expect(await uidOf(cell, mapPath(`${name}-drop`))).toBeUndefined(), patience);
  };
}

/** Somebody edits the key of a list item, so the agent has to look at the object and to take the item over. */
function takeoverWith(kind: "get" | "json-patch"): Scenario {
  return async (cell) => {
    const { agent, name, faultName } = cell;
    const path = `/api/v1/namespaces/default/services/${name}`;
    const objects = [service(name, 81)];
    await agent.untilApplied(name, agent.hub.assign(name, objects).bundle);
    const uid = await uidOf(cell, path);
    const rule = strike(cell, (call) => call.kind === kind && call.name === name);
    await agent.edit(path, { spec: { ports: [{ name: "http", port: 90, protocol: "TCP" }] } });
    await vi.waitFor(() => expect(rule.struck).toBeGreaterThanOrEqual(1), patience);
    const isDone = kind === "json-patch" && delivered.has(faultName);
    if (!isDone && !believed.includes(faultName)) {
      await vi.waitFor(() => expect(rule.struck).toBeGreaterThanOrEqual(times(cell)), patience);
      expect(agent.hub.report(name)?.objects[0]?.reason).not.toBe("Immutable");
    }
    expect(deletesOf(cell)).toEqual([]);
    rule.lift();
    const healed = { metadata: { uid }, spec: { ports: [{ port: 81 }] } };
    await vi.waitFor(async () => expect(await agent.get(path)).toMatchObject(healed), patience);
    await untilConverged(cell, objects);
    expect(await agent.get(path)).toMatchObject(healed);
  };
}

const createNamespace: Scenario = async (cell) => {
  const { agent, name } = cell;
  const inside = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "inside" }, data: { a: "1" } };
  const objects = [inside, configMap(`${name}-outside`, { a: "1" })];
  const rule = strike(cell, (call) => call.kind === "create" && call.body.includes(`"${name}"`));
  const options = { namespace: name, createNamespace: true };
  agent.hub.assign(name, objects, options);
  await vi.waitFor(() => expect(rule.struck).toBeGreaterThanOrEqual(1), patience);
  await vi.waitFor(async () => expect(await uidOf(cell, mapPath(`${name}-outside`))).toBeDefined(), patience);
  expectNothingLost(cell);
  rule.lift();
  await untilConverged(cell, objects, options);
};

const inventoryWrite: Scenario = async (cell) => {
  const { agent, name } = cell;
  const objects = [configMap(`${name}-map`, { a: "1" })];
  const rule = strike(cell, (call) => call.kind === "apply" && call.name === `drover-inventory-${name}`);
  agent.hub.assign(name, objects);
  await vi.waitFor(() => expect(rule.struck).toBeGreaterThanOrEqual(times(cell)), patience);
  // What is not written down first is not made.
  expect(await agent.get(mapPath(`${name}-map`))).toBeUndefined();
  const other = name.replace(/^s/u, "other");
  await agent.untilApplied(other, agent.hub.assign(other, [configMap(other, { a: "1" })]).bundle);
  agent.hub.bury(other);
  rule.lift();
  await untilConverged(cell, objects);
};

/** By name; the order is that in which they are tried. */
export const scenarios = {
  "first apply": firstApply,
  repair,
  "dry run": dryRun,
  "get before a prune": pruneWith("get"),
  delete: pruneWith("delete"),
  "get before a takeover": takeoverWith("get"),
  "JSON patch": takeoverWith("json-patch"),
  "create of a namespace": createNamespace,
  "inventory write": inventoryWrite,
} as const satisfies Readonly<Record<string, Scenario>>;
