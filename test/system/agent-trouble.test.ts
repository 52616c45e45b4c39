import { systemClock, type Clock } from "@drover/shared/clock";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { startApiFaultProxy, type ApiFaultProxy } from "../rig/api-fault-proxy.ts";
import { emptyList, faults, staleList, type Fault, type FaultName } from "../rig/api-faults.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap } from "./agent-objects.ts";
import { startLoneAgent, type LoneAgent, type Server } from "./lone-agent.ts";
import { scenarios, type Cell, type Scenario } from "./trouble-cells.ts";
import { collectionOf, inventoryList, kindOf, kindScenarios } from "./trouble-kinds.ts";

/*
 * R29: the table of `security-reliability §3.1` at every kind of call that the agent uses. Each cell is one answer at one
 * kind of call, of an application of its own: nothing is pruned, recreated or reported as drift because of the answer;
 * what is independent goes on meanwhile; and when the fault is over everything gets as desired, at no further write.
 */

const names = Object.keys(faults) as readonly FaultName[];
const listNames = [...names, "empty list", "stale list"] as const;

/** Nobody waits half a minute for an answer here: the seconds in which the client counts its deadlines are short. */
const impatient: Clock = {
  now: () => systemClock.now(),
  sleep: (ms, signal) => systemClock.sleep(ms === 1_000 ? 50 : ms, signal),
};

function suite(server: Server): void {
  let agent: LoneAgent;
  let proxy: ApiFaultProxy;
  const stale = new Map<string, string>();
  beforeAll(async () => {
    agent = await startLoneAgent(server, {
      between: async (target) => (proxy = await startApiFaultProxy({ target })),
      clientClock: impatient,
    });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  const cellOf = (faultName: Cell["faultName"], name: string): Cell => {
    return { agent, proxy, name, faultName, fault: faultOf(faultName, stale.get(name) ?? "") };
  };

  describe("R29: at the list of inventories, when the agent starts", () => {
    const resident = "resident";
    beforeAll(async () => {
      const { bundle } = agent.hub.assign(resident, [configMap(resident, { a: "1" })]);
      await agent.untilApplied(resident, bundle);
    });
    it.each(names)("%s", (faultName) => inventoryList(cellOf(faultName, resident), resident));
  });

  describe.each(Object.entries<Scenario>(scenarios).map(([call, scenario], index) => ({ call, scenario, index })))(
    "R29, E55: at $call",
    ({ scenario, index }) => {
      cells(names, async (faultName, row) => {
        const cell = cellOf(faultName, `s${index}-${row}x`);
        await scenario(cell);
        agent.hub.bury(cell.name);
      });
    },
  );

  describe("R29, E55: at kinds", () => {
    const cellName = (row: number): string => `k${row}x`;
    beforeAll(async () => {
      const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
      await Promise.all(
        listNames.map(async (_, row) => {
          await agent.create(definitions, kindOf(cellName(row)));
          const listed = await vi.waitFor(
            async () => {
              const found = await agent.get(collectionOf(cellName(row)));
              expect(found).toBeDefined();
              return found;
            },
            { timeout: 60_000, interval: 200 },
          );
          stale.set(cellName(row), JSON.stringify(listed));
        }),
      );
    });
    describe.each(Object.entries<Scenario>(kindScenarios).map(([call, scenario]) => ({ call, scenario })))(
      "$call",
      ({ call, scenario }) => {
        // A kind whose list will be empty or stale has to be found and watched before, with any fault.
        const run = (faultName: (typeof listNames)[number], row: number) => {
          const isOfLists = call !== "list" && (faultName === "empty list" || faultName === "stale list");
          return scenario(cellOf(isOfLists ? "503 page" : faultName, cellName(row)));
        };
        cells(listNames, run, call === "list" ? listNames : names);
      },
    );
  });
}

/** All cells of a kind of call run at once, as trouble does; each is told of on its own. */
function cells<Name extends string>(
  all: readonly Name[],
  run: (name: Name, row: number) => Promise<void>,
  told: readonly Name[] = all,
): void {
  const running = new Map<Name, Promise<void>>();
  beforeAll(() => {
    for (const [row, name] of all.entries()) {
      const cell = run(name, row);
      cell.catch(() => undefined);
      running.set(name, cell);
    }
  });
  it.each(told)("%s", (name) => running.get(name));
}

function faultOf(name: Cell["faultName"], stale: string): Fault {
  if (name === "empty list") return emptyList;
  return name === "stale list" ? staleList(stale) : faults[name]();
}

describe("API trouble on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("API trouble on the real API server", () => {
  suite("real");
});
