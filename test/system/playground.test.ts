import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { runCommand } from "../rig/command.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { plainGit } from "../rig/git.ts";
import { createKubectl } from "../rig/kubectl.ts";

const root = join(import.meta.dirname, "..", "..");
const program = join(root, "deploy", "local", "main.ts");
const waiting = { timeout: 30_000, interval: 50 };

describeWithRig("kubectl", "git")("the playground", () => {
  let folder: string;
  let run: Playground;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "drover-playground-"));
    run = await start(folder);
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGTERM");
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  });
  const kubectl = async (...args: readonly string[]): Promise<string> => {
    const bound = createKubectl({ kubeconfigPath: join(folder, ".drover", "kubeconfig"), home: folder });
    const result = await bound(args);
    if (result.code !== 0) throw new Error(result.stderr);
    return result.stdout;
  };
  const drover = async (...args: readonly string[]): Promise<string> => {
    const env = { XDG_CONFIG_HOME: folder, NO_COLOR: "1", LANG: "C.UTF-8" };
    const result = await runCommand(process.execPath, [join(root, "hub", "cli", "main.ts"), ...args], { env });
    if (result.code !== 0) throw new Error(result.stderr);
    return result.stdout;
  };

  it("prints every target as current, where to look, and three things to try", async () => {
    for (const target of ["hello@dev-1", "hello@staging-1", "hello@prod-1", "shop@staging-1", "shop@prod-1"]) {
      expect(run.output()).toMatch(new RegExp(`current +${target}`, "u"));
    }
    expect(run.output()).toContain("Three things to try");
    expect(run.output()).toMatch(/http:\/\/127\.0\.0\.1:\d+/u);
  });

  it("serves every embedded cluster to kubectl, with the patches of its environment", async () => {
    const image = "jsonpath={.spec.template.spec.containers[0].image}";
    expect(await kubectl("--context", "dev-1", "get", "deploy", "-A", "-o", "name")).toBe("deployment.apps/hello\n");
    expect(
      await kubectl("--context", "prod-1", "-n", "hello", "get", "deploy", "hello", "-o", "jsonpath={.spec.replicas}"),
    ).toBe("3");
    expect(await kubectl("--context", "staging-1", "-n", "shop", "get", "deploy", "shop", "-o", image)).toContain(
      "rc1",
    );
  });

  it("is what the drover command talks to without any flag", async () => {
    const { items } = JSON.parse(await drover("get", "targets", "-o", "json")) as { items: { state: string }[] };
    expect(items.map((item) => item.state)).toEqual(Array.from({ length: 5 }, () => "current"));
  });

  it("shows a commit on the clusters that match, and the label of try 3 brings the application", async () => {
    const demo = join(folder, "drover-demo");
    const file = join(demo, "apps", "hello", "config.yaml");
    await writeFile(file, (await readFile(file, "utf8")).replace("Hello", "Hej"));
    await runCommand("git", ["-C", demo, "commit", "-qam", "hej"], { env: { ...plainGit } });
    const greeting = "jsonpath={.data.greeting}";
    await vi.waitFor(async () => {
      for (const context of ["dev-1", "staging-1", "prod-1"]) {
        expect(await kubectl("--context", context, "-n", "hello", "get", "cm", "hello", "-o", greeting)).toBe(
          "Hej from Git",
        );
      }
    }, waiting);
    await drover("cluster", "label", "dev-1", "tier=gold");
    await vi.waitFor(async () => {
      expect(await kubectl("--context", "dev-1", "get", "deploy", "-A", "-o", "name")).toContain(
        "deployment.apps/shop",
      );
    }, waiting);
  });

  it("is not started twice in one folder, and says so", async () => {
    const second = await runCommand(process.execPath, [program, "--folder", folder, "--fresh"], {
      env: { XDG_CONFIG_HOME: folder, NO_COLOR: "1" },
    });
    expect([second.code, second.stdout]).toEqual([1, ""]);
    expect(second.stderr).toContain("a playground runs in this folder already");
    expect(second.stderr).toContain("hint: ");
    expect(JSON.parse(await drover("get", "targets", "-o", "json"))).toHaveProperty("items.length", 6);
  });

  it("ends every process on Ctrl-C, leaves no port taken, and resumes with what was there", async () => {
    await stop(run);
    for (const port of run.ports()) expect(await isOpen(port)).toBe(false);
    expect(await drover("get", "targets").catch((error: unknown) => String(error))).toContain("api_unreachable");
    run = await start(folder);
    expect(run.output()).toMatch(/current +shop@dev-1/u);
    expect(await kubectl("--context", "dev-1", "-n", "hello", "get", "cm", "hello", "-o", "yaml")).toContain("Hej");
    await stop(run);
    for (const port of run.ports()) expect(await isOpen(port)).toBe(false);
  });

  it("stops everything when one of its processes is killed, and says which one and what to do", async () => {
    run = await start(folder);
    const exited = new Promise<number | null>((resolve) => {
      run.process.once("exit", resolve);
    });
    process.kill(await findProcess(join(folder, ".drover", "agents", "prod-1")), "SIGKILL");
    expect(await exited).toBe(1);
    expect(run.output()).toContain("agent prod-1 was killed by SIGKILL, so everything was stopped\n");
    expect(run.output()).toContain("npm start goes on from here");
    for (const port of run.ports()) expect(await isOpen(port)).toBe(false);
  });
});

interface Playground {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly ports: () => readonly number[];
}

/** Also those that never came up. */
const children: ChildProcess[] = [];

async function start(folder: string): Promise<Playground> {
  const args = [program, "--folder", folder];
  // Away from the user's own contexts and ports stay what they are.
  const child = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, XDG_CONFIG_HOME: folder } });
  children.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (output += text.toString()));
  await vi.waitFor(() => expect(output).toContain("All up"), { timeout: 60_000, interval: 50 });
  const kubeconfig = await readFile(join(folder, ".drover", "kubeconfig"), "utf8");
  const ports = [...`${output}${kubeconfig}`.matchAll(/https?:\/\/127\.0\.0\.1:(?<port>\d+)/gu)];
  return { process: child, output: () => output, ports: () => ports.map((match) => Number(match.groups?.["port"])) };
}

async function stop({ process: child }: Playground): Promise<void> {
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
  });
  child.kill("SIGINT");
  expect(await ended).toBe(0);
}

/** The process that has this among its arguments. The rig, which these tests need, is for Linux. */
async function findProcess(argument: string): Promise<number> {
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/u.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (line.split("\0").includes(argument)) return Number(pid);
  }
  throw new Error(`no process has the argument ${argument}`);
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
