import { join } from "node:path";

import { readSupplyChain } from "./read-supply-chain.ts";
import { supplyChainProblems } from "./supply-chain.ts";

/** Fails at foreign code that nobody has looked at, and also when it saw next to nothing: then it read the wrong places. */
const chain = readSupplyChain(join(import.meta.dirname, ".."));
const problems = [...supplyChainProblems(chain)];
if (chain.installed.length < 100 || chain.packages.length < 5) {
  problems.push(`only ${chain.installed.length} packages were looked at: are they installed?`);
}
for (const problem of problems) console.error(problem);
console.log(`${chain.installed.length} packages looked at, ${problems.length} problems`);
if (problems.length > 0) process.exit(1);
