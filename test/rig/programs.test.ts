import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { findProgram, missing } from "./programs.ts";
import { temporaryFolder } from "./watchdog.ts";

async function folderWith(...names: readonly string[]): Promise<string> {
  const { path } = await temporaryFolder("programs");
  for (const name of names) await writeFile(join(path, name), "#!/bin/sh\n", { mode: 0o755 });
  return path;
}

describe("finding programs", () => {
  const nothing = { DROVER_RIG_CACHE: "/nowhere", PATH: "/nowhere" };

  it("takes etcd from envtest's folder when the cache has none", async () => {
    const assets = await folderWith("etcd");
    expect(findProgram("etcd", { ...nothing, KUBEBUILDER_ASSETS: assets })).toBe(join(assets, "etcd"));
  });

  it("takes tools from PATH but never a server that happens to be there", async () => {
    const PATH = await folderWith("kubectl", "kube-apiserver");
    expect(findProgram("kubectl", { ...nothing, PATH })).toBe(join(PATH, "kubectl"));
    expect(findProgram("kube-apiserver", { ...nothing, PATH })).toBeUndefined();
  });

  it("does not take a file that cannot be executed", async () => {
    const PATH = await folderWith();
    await writeFile(join(PATH, "helm"), "", { mode: 0o644 });
    expect(findProgram("helm", { ...nothing, PATH })).toBeUndefined();
  });

  it("names every missing program and the command that provides it", async () => {
    const PATH = await folderWith("git");
    expect(missing(["git", "etcd", "helm"], { ...nothing, PATH })).toMatch(/^etcd, helm missing: run `npm run rig`/);
    expect(missing(["git"], nothing)).toMatch(/^git missing: install git/);
    expect(missing(["git"], { ...nothing, PATH })).toBeUndefined();
  });
});
