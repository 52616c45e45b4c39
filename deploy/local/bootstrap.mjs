// Runs on the Node that the machine has (>= 20): installs what the checkout needs, then hands over to the pinned Node.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const pnpmVersion = "12.21.0";
const stamp = join(root, "node_modules", ".drover-installed");
const [command = "start", ...args] = process.argv.slice(2);

/** Every step ends the run when it fails: its exit code is the run's. */
const steps = {
  start: () => [[nodePath(), ["deploy/local/main.ts", ...args]]],
  test: () => [
    [pnpm, ["check"]],
    [nodePath(), ["node_modules/vitest/vitest.mjs", "run", ...args]],
  ],
  bench: () => [[nodePath(), ["test/bench/main.ts", ...args]]],
  sbom: () => [[pnpm, [...shipped, "sbom", "--lockfile-only", "--prod", ...bill, ...args]]],
};

const pnpm = "pnpm";
const shipped = ["hub", "agent", "cli"].flatMap((name) => ["--filter", `@drover/${name}`]);
const bill = ["--sbom-format", "cyclonedx", "--sbom-type", "application"];
if (!(command in steps)) fail(`unknown command ${command}`, `use one of ${Object.keys(steps).join(", ")}`);
install();
for (const [program, programArgs] of steps[command]()) {
  const code = await run(program, programArgs);
  if (code !== 0) process.exit(code);
}

/** Installs when the lockfile or a package changed since the last time; a second run costs nothing. */
function install() {
  const inputs = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"];
  const digest = createHash("sha256");
  for (const file of inputs) digest.update(readFileSync(join(root, file)));
  const wanted = digest.digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  process.stderr.write("drover: installing packages (once)\n");
  const options = { cwd: root, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" };
  const result = spawnSync(
    "npx",
    ["--yes", `pnpm@${pnpmVersion}`, "install", "--frozen-lockfile", "--reporter=silent"],
    options,
  );
  if (result.status !== 0) {
    process.stderr.write(result.stdout ?? "");
    fail(
      "the packages could not be installed",
      "check that the npm registry can be reached, then run the command again",
    );
  }
  writeFileSync(stamp, wanted);
}

/** The pinned Node where npm has one for this machine, else the machine's own if it is new enough. */
function nodePath() {
  const pinned = join(root, "node_modules", ".bin", "node");
  if (existsSync(pinned)) return pinned;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 22 || (major === 22 && minor < 18)) {
    fail(`Node ${process.versions.node} is too old, and there is no pinned one for this machine`, "install Node 24");
  }
  return process.execPath;
}

function run(program, programArgs) {
  const [file, list] =
    program === pnpm ? ["npx", ["--yes", `pnpm@${pnpmVersion}`, ...programArgs]] : [program, programArgs];
  const env = { ...process.env, PATH: `${join(root, "node_modules", ".bin")}:${process.env.PATH}` };
  const child = spawn(file, list, { cwd: root, stdio: "inherit", env });
  const forward = (signal) => child.kill(signal);
  // A terminal sends Ctrl-C to the child as well; the child decides when all has ended.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", forward);
  process.on("SIGHUP", forward);
  return new Promise((resolve) => {
    child.on("error", (error) => fail(`${file} could not be started: ${error.message}`, "is it installed?"));
    child.on("exit", (code, signal) => {
      process.removeAllListeners("SIGTERM");
      resolve(signal === null ? (code ?? 1) : 1);
    });
  });
}

function fail(message, hint) {
  process.stderr.write(`drover: ${message}\n  hint: ${hint}\n`);
  process.exit(1);
}
