import { parseArgs } from "node:util";

import { measureLargeAgent } from "./large/agent.ts";
import { measureLargeHub } from "./large/hub.ts";
import { printFigures, type Figure } from "./report.ts";

/** E16: a bundle of 20,000 objects and 50 MB in bounded memory, on the hub and on the agent. `--only NAME` measures one. */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", default: "" },
      objects: { type: "string", default: "20000" },
      clusters: { type: "string", default: "20" },
    },
  });
  const size = { objects: Number(values.objects), clusters: Number(values.clusters) };
  const figures: Figure[] = [];
  if (values.only !== "agent") figures.push(...(await measureLargeHub(size)));
  if (values.only !== "hub") figures.push(...(await measureLargeAgent(size.objects)));
  return printFigures("large", figures);
}
