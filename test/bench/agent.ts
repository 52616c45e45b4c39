import { parseArgs } from "node:util";

import { measureCustom } from "./agent/custom.ts";
import { measureDrift } from "./agent/drift.ts";
import { measureFirstApply } from "./agent/first-apply.ts";
import { measureScale } from "./agent/scale.ts";
import { printFigures, type Figure } from "./report.ts";

/**
 * The shipped agent against a real API server and etcd, each part on a fresh one: `first-apply` (against a bare HTTP/2
 * loop, kubectl and Flux's calls), `drift`, `scale` (10,000 objects) and `custom`. `--only NAME` measures one part.
 */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", default: "" },
      rounds: { type: "string", default: "5" },
      objects: { type: "string", default: "10000" },
    },
  });
  const parts: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
    "first-apply": () => measureFirstApply({ rounds: Number(values.rounds) }),
    drift: measureDrift,
    custom: measureCustom,
    scale: () => measureScale({ count: Number(values.objects) }),
  };
  const chosen = Object.entries(parts).filter(([name]) => values.only === "" || values.only === name);
  if (chosen.length === 0)
    throw new Error(`there is no part ${values.only}; there are ${Object.keys(parts).join(", ")}`);
  const figures: Figure[] = [];
  for (const [name, measure] of chosen) {
    console.log(`-- ${name}`);
    figures.push(...(await measure()));
  }
  return printFigures("agent", figures);
}
