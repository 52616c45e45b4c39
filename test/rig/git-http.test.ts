import { expect, it } from "vitest";

import { runCommand } from "./command.ts";
import { describeWithRig } from "./describe-with-rig.ts";
import { startGitHttp } from "./git-http.ts";
import { createWorkTree, plainGit } from "./git.ts";
import { program } from "./programs.ts";

const describe = describeWithRig("git");

const lsRemote = (url: string, ...settings: readonly string[]): ReturnType<typeof runCommand> =>
  runCommand(program("git"), [...settings, "ls-remote", url, "main"], { env: plainGit });

describe("a work tree", () => {
  it("gives the same commit ids for the same steps", async () => {
    const steps = async (): Promise<readonly string[]> => {
      await using tree = await createWorkTree({ files: { "a.yaml": "a: 1\n", "sub/b.yaml": "b: 1\n" } });
      const commits = [await tree.commit("Change", { "a.yaml": "a: 2\n", "sub/b.yaml": undefined })];
      expect(await tree.git("ls-files")).toBe("a.yaml\n");
      return [...commits, await tree.commit("Nothing")];
    };
    expect(await steps()).toEqual(await steps());
  });
});

describe("a git remote over HTTP", () => {
  it("takes a push and serves it", async () => {
    await using remote = await startGitHttp();
    await using tree = await createWorkTree();
    const { url, path } = await remote.createRepository("team/config.git");
    const commit = await tree.commit("Start", { "a.yaml": "a: 1\n" });
    await tree.push(url);
    expect((await lsRemote(url)).stdout).toBe(`${commit}\trefs/heads/main\n`);
    const next = await tree.commit("On disk", { "a.yaml": "a: 2\n" });
    await tree.push(path);
    expect((await lsRemote(url)).stdout).toBe(`${next}\trefs/heads/main\n`);
    expect(remote.requests.some(({ method, status }) => method === "POST" && status === 200)).toBe(true);
  });

  it("wants the right credentials, and forgets them", async () => {
    await using remote = await startGitHttp({ auth: { kind: "basic", username: "bot", password: "s3cret" } });
    const { url } = await remote.createRepository("config.git");
    expect((await lsRemote(url)).code).not.toBe(0);
    expect((await lsRemote(url.replace("//", "//bot:wrong@"))).code).not.toBe(0);
    expect((await lsRemote(url.replace("//", "//bot:s3cret@"))).code).toBe(0);
    remote.requireAuth({ kind: "bearer", token: "t0ken" });
    expect((await lsRemote(url.replace("//", "//bot:s3cret@"))).code).not.toBe(0);
    expect((await lsRemote(url, "-c", "http.extraHeader=Authorization: Bearer t0ken")).code).toBe(0);
    expect(JSON.stringify(remote.requests)).not.toMatch(/s3cret|t0ken/);
  });

  it("answers 404 for a repository that does not exist", async () => {
    await using remote = await startGitHttp();
    expect((await lsRemote(`${remote.url}/none.git`)).stderr).toContain("not found");
  });

  it("is back on the same address after it was down", async () => {
    await using remote = await startGitHttp();
    const { url } = await remote.createRepository("config.git");
    await remote.takeDown();
    expect((await lsRemote(url)).code).not.toBe(0);
    await remote.bringUp();
    expect((await lsRemote(url)).code).toBe(0);
  });
});
