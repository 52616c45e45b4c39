import { spawnSync } from "node:child_process";

/** Runs dependency-cruiser and also fails when it saw no modules: with a wrong compiler it would pass everything. */
const folders = ["proto", "shared", "hub", "agent", "deploy", "test"];
const run = spawnSync("depcruise", [...folders, "--config", ".dependency-cruiser.cjs"], { encoding: "utf8" });
const output = `${run.stdout}${run.stderr}`;
const modules = Number(/(?<modules>\d+) modules/u.exec(output)?.groups?.["modules"] ?? 0);
process.stdout.write(output);
if (run.status !== 0 || modules < 50) {
  if (modules < 50) process.stderr.write(`only ${modules} modules were looked at: the checker does not work\n`);
  process.exit(1);
}
