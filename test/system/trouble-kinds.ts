import { systemClock } from "@drover/shared/clock";
import { expect, vi } from "vitest";

import type { ApiCall } from "../rig/api-call.ts";
import { refusal } from "../rig/api-faults.ts";
import { configMap, definition } from "./agent-objects.ts";
import { field } from "./lone-agent.ts";
import { patience, strike, times, untilConverged, type Cell, type Scenario } from "./trouble-cells.ts";

/** Each cell has a kind of its own, so that what is done about kinds strikes no other cell. */
export function groupOf(name: string): string {
  return `${name}.test.drover.dev`;
}

export const kindOf = (name: string) => definition(groupOf(name), "Cell", "Namespaced");

export function collectionOf(name: string): string {
  return `/apis/${groupOf(name)}/v1/namespaces/default/cells`;
}

const objectsOf = (name: string) => [
  {
    apiVersion: `${groupOf(name)}/v1`,
    kind: "Cell",
    metadata: { name: "one", namespace: "default" },
    spec: { size: 1 },
  },
  configMap(`${name}-beside`, { a: "1" }),
];

const discovery: Scenario = async (cell) => {
  const { agent, name } = cell;
  const rule = strike(cell, (call) => call.kind === "discovery" && call.group === groupOf(name));
  agent.hub.assign(name, objectsOf(name));
  await vi.waitFor(() => expect(rule.struck).toBeGreaterThanOrEqual(times(cell)), patience);
  const beside = `/api/v1/namespaces/default/configmaps/${name}-beside`;
  await vi.waitFor(async () => expect(await agent.get(beside)).toBeDefined(), patience);
  expect(cell.proxy.calls(({ kind, path }) => kind === "delete" && path.includes(name))).toEqual([]);
  rule.lift();
  await untilConverged(cell, objectsOf(name));
};

/**
 * A watch that ends in its first second is one more failure in a row for the agent, which then waits the longer: cells that
 * follow each other closely would be about that.
 */
const soundAfterMs = 1_100;

/** The objects of the kind are there and watched, the fault comes and goes, and nothing was made of it. */
function whileWatched(arm: (cell: Cell, isOfKind: (call: ApiCall) => boolean) => ReturnType<typeof strike>): Scenario {
  return async (cell) => {
    const { agent, proxy, name } = cell;
    const path = `${collectionOf(name)}/one`;
    const isOfKind = (call: ApiCall): boolean => call.group === groupOf(name);
    const sizeAndUid = async () => {
      const object = await agent.get(path);
      return [field(object, "spec", "size"), field(object, "metadata", "uid")];
    };
    await systemClock.sleep(soundAfterMs, AbortSignal.timeout(patience.timeout));
    const before = await sizeAndUid();
    const told = () => agent.hub.report(name)?.objects.map(({ apply, drift }) => ({ apply, drift }));
    const toldBefore = told();
    const writes = () =>
      proxy.calls((call) => isOfKind(call) && (call.kind === "apply" || call.kind === "delete")).length;
    const writesBefore = writes();
    const rule = arm(cell, isOfKind);
    proxy.endWatches(isOfKind);
    await vi.waitFor(() => expect(rule.struck).toBeGreaterThanOrEqual(times(cell)), patience);
    expect(writes()).toBe(writesBefore);
    expect(told()).toEqual(toldBefore);
    rule.lift();
    // The watch is back when it sees a change again.
    await agent.edit(path, { spec: { size: 2 } });
    await vi.waitFor(async () => {
      expect(await sizeAndUid()).toEqual(before);
      expect(told()).toContainEqual({ apply: "applied", drift: expect.objectContaining({ repaired: true }) });
    }, patience);
    await untilConverged(cell, objectsOf(name));
  };
}

const watch = whileWatched((cell, isOfKind) => strike(cell, (call) => call.kind === "watch" && isOfKind(call)));

const list = whileWatched((cell, isOfKind) => {
  const isWatch = (call: ApiCall): boolean => call.kind === "watch" && isOfKind(call);
  // Also where a watch could begin with what there is, the server is to be one that wants a list.
  const tooOld = refusal({ status: 422, reason: "Invalid", message: "sendInitialEvents is forbidden" });
  cell.proxy.inject({ when: (call) => isWatch(call) && call.path.includes("sendInitialEvents"), fault: tooOld });
  const gone = refusal({ status: 410, reason: "Expired", message: "too old resource version" });
  cell.proxy.inject({ when: isWatch, fault: gone, times: 1 });
  return strike(cell, (call) => call.kind === "list" && isOfKind(call));
});

/** By name; each needs what the one before has left. */
export const kindScenarios = { discovery, watch, list } as const satisfies Readonly<Record<string, Scenario>>;

/** The agent starts, and learns what it owns from a list that is in trouble. */
export async function inventoryList(cell: Cell, resident: string): Promise<void> {
  const { agent, proxy } = cell;
  await agent.stop();
  const isInventory = (call: ApiCall): boolean => call.kind === "list" && call.path.includes("drover.dev%2Finventory");
  const rule = proxy.inject({ when: isInventory, fault: cell.fault, times: 1 });
  const isWrite = ({ kind }: ApiCall): boolean => kind === "apply" || kind === "delete" || kind === "create";
  const writes = proxy.calls(isWrite).length;
  const reports = agent.hub.reports.length;
  agent.start();
  await vi.waitFor(
    () =>
      expect(agent.hub.reports.slice(reports)).toContainEqual(
        expect.objectContaining({ application: resident, phase: "applied", health: "Current" }),
      ),
    patience,
  );
  expect(rule.struck).toBe(1);
  expect(proxy.calls(isWrite)).toHaveLength(writes);
}
