import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { findProgram, missing } from "./programs.ts";

function folderWith(...names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "drover-programs-"));
  for (const name of names) writeFileSync(join(folder, name), "#!/bin/sh\n", { mode: 0o755 });
  return folder;
}

describe("finding programs", () => {
  const nothing = { DROVER_RIG_CACHE: "/nowhere", PATH: "/nowhere" };

  it("takes etcd from envtest's folder when the cache has none", () => {
    const assets = folderWith("etcd");
    expect(findProgram("etcd", { ...nothing, KUBEBUILDER_ASSETS: assets })).toBe(join(assets, "etcd"));
  });

  it("takes tools from PATH but never a server that happens to be there", () => {
    const PATH = folderWith("kubectl", "kube-apiserver");
    expect(findProgram("kubectl", { ...nothing, PATH })).toBe(join(PATH, "kubectl"));
    expect(findProgram("kube-apiserver", { ...nothing, PATH })).toBeUndefined();
  });

  it("does not take a file that cannot be executed", () => {
    const PATH = folderWith();
    writeFileSync(join(PATH, "helm"), "", { mode: 0o644 });
    expect(findProgram("helm", { ...nothing, PATH })).toBeUndefined();
  });

  it("names every missing program and the command that provides it", () => {
    const PATH = folderWith("git");
    expect(missing(["git", "etcd", "helm"], { ...nothing, PATH })).toMatch(/^etcd, helm missing: run `npm run rig`/);
    expect(missing(["git"], nothing)).toMatch(/^git missing: install git/);
    expect(missing(["git"], { ...nothing, PATH })).toBeUndefined();
  });
});
