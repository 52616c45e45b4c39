import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { runCommand } from "../rig/command.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startGitSsh } from "../rig/git-ssh.ts";
import { bundle } from "./bundle.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet } from "./fleet.ts";
import { imageEnv } from "./program.ts";

const root = join(import.meta.dirname, "..", "..");

describe("bundles", () => {
  it("hub, agent and drover start from their bundles and bring a commit to a cluster", async () => {
    await using fleet = await startFleet({
      servers: "embedded",
      clusters: { "dev-1": { env: "dev" } },
      files: {
        "apps/web/drover.yaml": application("web", "default") + placement("web", { env: "dev" }),
        "apps/web/web.yaml": configMap("web", { from: "bundle" }),
      },
    });
    await fleet.settle((await fleet.tree.git("rev-parse", "HEAD")).trim(), ["web@dev-1"]);
    expect((await fleet.cluster("dev-1").get("default", "configmap/web"))?.data).toEqual({ from: "bundle" });
    const env = { DROVER_SERVER: fleet.url, DROVER_TOKEN: fleet.token };
    const listed = await runCommand(process.execPath, [bundle("drover"), "get", "targets", "-o", "name"], { env });
    expect(listed).toMatchObject({ code: 0, stdout: "web@dev-1\n" });
  });

  describeWithRig("git", "sshd")("hub", () => {
    it("reads a repository over ssh from its bundle", async () => {
      const files = { "a.yaml": configMap("a", { from: "ssh" }) };
      await using fleet = await startFleet({ servers: "embedded", clusters: {}, files });
      await using remote = await startGitSsh();
      const { url, path } = await remote.createRepository("config.git");
      await fleet.tree.push(path);
      const signal = AbortSignal.timeout(20_000);
      await fleet.client.sources.add({ name: "over-ssh", url }, signal);
      await remote.authorize((await fleet.client.sources.identity("over-ssh", signal)).publicKey);
      await fleet.client.sources.sync("over-ssh", signal);
      const revision = async (): Promise<string> => (await fleet.client.sources.get("over-ssh", signal)).revision;
      await expect.poll(revision).toBe((await fleet.tree.git("rev-parse", "HEAD")).trim());
    });
  });

  it.each(["hub", "agent"] as const)("%s starts with the flags of its image", async (name) => {
    const dockerfile = await readFile(join(root, "deploy", `${name}.Dockerfile`), "utf8");
    const entrypoint = JSON.parse(/^ENTRYPOINT (?<list>.*)$/mu.exec(dockerfile)?.groups?.["list"] ?? "[]") as string[];
    const flags = entrypoint.filter((argument) => argument.startsWith("--"));
    expect(flags.length).toBeGreaterThan(0);
    // What `startProgram` runs everything with, benches included.
    for (const [key, value] of Object.entries(imageEnv)) expect(dockerfile).toContain(`    ${key}=${value} \\\n`);
    const help = await runCommand(process.execPath, [...flags, bundle(name), "--help"], {});
    expect(help).toMatchObject({ code: 0, stderr: "" });
  });

  it.each(["hub", "agent", "drover"] as const)("%s tells its settings without anything around it", async (name) => {
    const help = await runCommand(process.execPath, [bundle(name), "--help"], {});
    expect(help.code).toBe(0);
    expect(help.stdout.split("\n").length).toBeGreaterThan(8);
  });
});
