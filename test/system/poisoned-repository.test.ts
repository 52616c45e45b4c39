import { cp, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { sourceDefaults } from "@drover/hub/store/store";
import { describe, expect, it, vi } from "vitest";

import { createWorkTree, type FileChanges, type WorkTree } from "../rig/git.ts";
import { temporaryFolder } from "../rig/watchdog.ts";
import { application, loopSuite, placement, web, type startLoop } from "./loop.ts";

const healthy = 99;
/** What an innocent change may take (security-reliability R9), on any machine. */
const boundMs = 30_000;
const names = Array.from({ length: healthy }, (_, index) => `app-${index}`);

/** All repositories are copies of one work tree, and each declares what is in a folder of its own. */
const declarations: FileChanges = Object.fromEntries(
  names.map((name) => [
    `${name}/drover.yaml`,
    `${application(name).replace(`apps/${name}`, "./files")}---\n${placement(name, "prod")}`,
  ]),
);
const manifests = (round: number): FileChanges =>
  Object.fromEntries(
    names.map((name) => [`${name}/files/web.yaml`, web(round).replaceAll("name: web", `name: ${name}`)]),
  );

const bomb = Array.from(
  { length: 30 },
  (_, level) => `a${level}: &a${level} [${`*a${level - 1},`.repeat(level > 0 ? 9 : 0)}]`,
);
const wide = Array.from({ length: 20_000 }, (_, key) => `key-${key}: ${key}`).join("\n");

/** What becomes of the hundredth repository, one after the other. */
const poisons: Readonly<Record<string, (tree: WorkTree) => Promise<unknown>>> = {
  "an alias bomb": (tree) => tree.commit("bomb", { "apps/web/web.yaml": bomb.join("\n") }),
  "20,000 keys and 900 levels": (tree) =>
    tree.commit("large", { "apps/web/web.yaml": wide, "apps/web/deep.yaml": `a: ${"[".repeat(900)}` }),
  "a file of 50 MB": (tree) => tree.commit("huge", { "apps/web/web.yaml": "x".repeat(50_000_000) }),
  "an expression that backtracks": (tree) =>
    tree.commit("pattern", {
      "apps/web/web.yaml": web(1),
      "apps/web/drover.yaml": application("web").replace("web", "(a+)+$"),
    }),
  "objects that are cut short": async (tree) => {
    const objects = join(tree.path, ".git", "objects");
    for (const folder of (await readdir(objects)).filter((name) => name.length === 2)) {
      const [file = ""] = await readdir(join(objects, folder));
      await rm(join(objects, folder, file));
      await writeFile(join(objects, folder, file), "x");
    }
  },
  "no repository at all": (tree) => rename(join(tree.path, ".git"), join(tree.path, ".gone")),
};

describe("one poisoned repository among a hundred", () => {
  const { begin, closers } = loopSuite();

  /** Ninety-nine repositories that share the objects of one, as forks on a forge do. */
  async function fork(from: string, folder: string): Promise<void> {
    for (const name of names) {
      const git = join(folder, name, ".git");
      await mkdir(git, { recursive: true });
      await symlink(join(from, ".git", "objects"), join(git, "objects"));
      for (const part of ["HEAD", "config", "refs"]) {
        await cp(join(from, ".git", part), join(git, part), { recursive: true });
      }
    }
  }

  const push = async (commit: string, folder: string): Promise<void> => {
    for (const name of names) await writeFile(join(folder, name, ".git", "refs", "heads", "main"), `${commit}\n`);
  };

  const behind = (hub: Awaited<ReturnType<typeof startLoop>>, commit: string): readonly string[] =>
    names.filter((app) => hub.store.target({ app, cluster: "prod-1" })?.commit !== commit);

  it("R9, T8: whatever is in it, changes of the other 99 arrive within 30 s", async () => {
    const { hub, tree: poisoned } = await begin();
    const folder = await temporaryFolder("hundred");
    closers.unshift(async () => folder[Symbol.asyncDispose]());
    const origin = await createWorkTree({ files: { ...declarations, ...manifests(0) } });
    closers.unshift(async () => origin[Symbol.asyncDispose]());
    await fork(origin.path, folder.path);
    for (const name of names) {
      hub.store.putSource({ ...sourceDefaults, name, url: join(folder.path, name), path: name, intervalSeconds: 3600 });
    }
    hub.loop.wake.sources();
    const until = (commit: string) =>
      vi.waitFor(() => expect(behind(hub, commit)).toEqual([]), { timeout: boundMs, interval: 20 });
    await until((await origin.git("rev-parse", "HEAD")).trim());
    const before = hub.newest("prod-1")?.targets.find((target) => target.application === "web")?.bundle;
    for (const [round, poison] of Object.values(poisons).entries()) {
      await poison(poisoned);
      hub.loop.wake.source("config");
      const commit = await origin.commit(`round ${round}`, manifests(round + 1));
      await push(commit, folder.path);
      for (const name of names) hub.loop.wake.source(name);
      await until(commit);
      // Nothing of what ran is taken away.
      expect(hub.newest("prod-1")?.tombstones).toEqual([]);
      const kept = hub.newest("prod-1")?.targets.find((target) => target.application === "web");
      expect(kept?.bundle).toBe(before);
    }
  });
});
