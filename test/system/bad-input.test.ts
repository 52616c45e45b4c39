import { rename, symlink } from "node:fs/promises";
import { join } from "node:path";

import type { Problem } from "@drover/shared/problems";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { startGitHttp } from "../rig/git-http.ts";
import { createWorkTree } from "../rig/git.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

const waiting = { timeout: 60_000, interval: 50 };
const soon = (): AbortSignal => AbortSignal.timeout(10_000);
const everywhere = { fleet: "all" };

describe("bad input", () => {
  let fleet: Fleet;
  let round = 0;
  const good = (): string => configMap("good", { round: String(round) });
  beforeAll(async () => {
    fleet = await startFleet({
      servers: "embedded",
      clusters: { "dev-1": everywhere },
      files: {
        "apps/good/drover.yaml": application("good", "default") + placement("good", everywhere),
        "apps/good/good.yaml": good(),
        "apps/bad/drover.yaml": application("bad", "default") + placement("bad", everywhere),
        "apps/bad/bad.yaml": configMap("bad", { state: "first" }),
      },
    });
    await vi.waitFor(async () => expect(await states()).toEqual({ bad: "current", good: "current" }), waiting);
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
  });
  const states = async (): Promise<Record<string, string>> =>
    Object.fromEntries((await fleet.targets()).map((target) => [target.app, target.state]));
  const data = async (name: string) => (await fleet.cluster("dev-1").get("default", `configmap/${name}`))?.data;

  /** Commits the bad files beside a change of the good application, which has to arrive all the same. */
  const commitBad = async (files: Record<string, string | undefined>): Promise<void> => {
    round += 1;
    await fleet.tree.commit(`round ${round}`, { ...files, "apps/good/good.yaml": good() });
    await vi.waitFor(async () => expect(await data("good")).toEqual({ round: String(round) }), waiting);
  };
  const problemsOfBad = async (): Promise<readonly Problem[]> =>
    (await fleet.client.applications.get("bad", soon())).problems;
  const expectProblem = async (code: RegExp, at: { file: string; line: number; column?: number }): Promise<void> => {
    await vi.waitFor(async () => {
      const problems = await problemsOfBad();
      expect(problems).toContainEqual(
        expect.objectContaining({ code: expect.stringMatching(code), at: expect.objectContaining(at) }),
      );
    }, waiting);
    expect(await data("bad")).toBeDefined();
  };
  const file = "apps/bad/bad.yaml";

  it("E9: broken YAML keeps what runs, names file, line and column, and stops only its application", async () => {
    await commitBad({ [file]: "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bad\n" });
    await expectProblem(/yaml|syntax/u, { file, line: expect.any(Number) as number });
    expect((await fleet.client.applications.get("bad", soon())).state).toBe("failed");
  });

  it("duplicate keys are an error at the second one", async () => {
    await commitBad({ [file]: "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bad }\ndata:\n  a: x\n  a: y\n" });
    await expectProblem(/duplicate/u, { file, line: 6, column: 3 });
  });

  it("E10: duplicate objects are an error that names both places", async () => {
    await commitBad({ [file]: `${configMap("bad", { a: "1" })}---\n${configMap("bad", { a: "2" })}` });
    await expectProblem(/duplicate/u, { file, line: 6, column: 1 });
    expect(JSON.stringify(await problemsOfBad())).toContain(`${file}:1`);
  });

  it("E11: an object without a name is an error", async () => {
    await commitBad({ [file]: "apiVersion: v1\nkind: ConfigMap\nmetadata: { labels: { a: b } }\n" });
    await expectProblem(/name/u, { file, line: expect.any(Number) as number });
  });

  it("E8, T3: an alias bomb is refused", async () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) => `  l${n}: &l${n} [${Array.from({ length: 10 }, () => (n === 0 ? "x" : `*l${n - 1}`)).join(", ")}]`,
    );
    await commitBad({
      [file]: `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bad }\ndata:\n${levels.join("\n")}\n`,
    });
    await expectProblem(/too-large/u, { file, line: expect.any(Number) as number });
    expect(JSON.stringify(await problemsOfBad())).toContain("aliases");
  });

  it("E8: a file of 50 MB is refused", async () => {
    await commitBad({
      [file]: `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bad }\ndata:\n  a: ${"x".repeat(50 * 1024 * 1024)}\n`,
    });
    await expectProblem(/large/u, { file, line: 1 });
  });

  it("E8, T1: a symbolic link out of the repository is refused", async () => {
    await fleet.tree.write({ [file]: undefined });
    await symlink("/etc/passwd", join(fleet.tree.path, file));
    await commitBad({});
    await expectProblem(/link|invalid/u, { file, line: 1 });
    await fleet.tree.write({ [file]: undefined });
  });

  it("E15: a patch that matches nothing is a warning, and the rest is applied", async () => {
    await commitBad({
      [file]: configMap("bad", { state: "patched" }),
      "apps/bad/drover.yaml": `${application("bad", "default")}apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: bad }
spec:
  applications: [bad]
  selector: {}
  overrides:
    - selector: {}
      patches:
        - target: { kind: Deployment, name: nothing }
          strategic:
            spec: { replicas: 1 }
`,
    });
    await expectProblem(/patch/u, { file: "apps/bad/drover.yaml", line: expect.any(Number) as number });
    await vi.waitFor(async () => expect(await data("bad")).toEqual({ state: "patched" }), waiting);
  });

  it("an unknown kind of ours is a problem of its repository, with the nearest kind", async () => {
    await commitBad({
      "apps/typo.yaml": "apiVersion: drover.dev/v1alpha1\nkind: Aplication\nmetadata: { name: typo }\n",
    });
    await vi.waitFor(async () => {
      const { problems } = await fleet.client.sources.get("config", soon());
      const problem = problems.find(({ at }) => at?.file === "apps/typo.yaml");
      expect(problem?.at).toMatchObject({ line: 2 });
      expect(JSON.stringify(problem)).toContain("Application");
    }, waiting);
    await commitBad({ "apps/typo.yaml": undefined });
  });

  it("a selector that matches nothing is the state no-targets, with the nearest label", async () => {
    await commitBad({
      "apps/lost/drover.yaml": application("lost", "default") + placement("lost", { fleet: "al" }),
      "apps/lost/lost.yaml": configMap("lost", {}),
    });
    await vi.waitFor(async () => {
      const lost = await fleet.client.applications.get("lost", soon());
      expect(lost.state).toBe("no-targets");
      expect(lost.reason).toContain("fleet=all");
    }, waiting);
  });

  it("E1: a repository that vanishes keeps everything, and goes on when it is back", async () => {
    await using other = await createWorkTree({
      files: {
        "drover.yaml": application("moved", "default") + placement("moved", everywhere),
        "apps/moved/moved.yaml": configMap("moved", { a: "1" }),
      },
    });
    await fleet.client.sources.add({ name: "other", url: other.path, intervalSeconds: 1 }, soon());
    await vi.waitFor(async () => expect(await data("moved")).toEqual({ a: "1" }), waiting);
    await rename(other.path, `${other.path}-away`);
    await fleet.client.sources.sync("other", soon());
    await vi.waitFor(async () => {
      const source = await fleet.client.sources.get("other", soon());
      expect(source.state).toBe("failed");
      expect(source.conditions).toContainEqual(expect.objectContaining({ reason: "source_missing" }));
    }, waiting);
    expect(await data("moved")).toEqual({ a: "1" });
    await rename(`${other.path}-away`, other.path);
    await other.commit("back", { "apps/moved/moved.yaml": configMap("moved", { a: "2" }) });
    await fleet.client.sources.sync("other", soon());
    await vi.waitFor(async () => expect(await data("moved")).toEqual({ a: "2" }), waiting);
  });

  it("wrong credentials are said to be wrong, and never echoed", async () => {
    await using remote = await startGitHttp({ auth: { kind: "basic", username: "ana", password: "right-one" } });
    const repository = await remote.createRepository("private");
    await fleet.client.sources.add(
      { name: "private", url: repository.url, username: "ana", password: "wr0ng-s3cret" },
      soon(),
    );
    await vi.waitFor(async () => {
      const source = await fleet.client.sources.get("private", soon());
      expect(source.conditions).toContainEqual(expect.objectContaining({ reason: "source_auth" }));
    }, waiting);
    const told = JSON.stringify([await fleet.client.sources.get("private", soon()), await fleet.hub.log()]);
    expect(told).not.toContain("wr0ng-s3cret");
  });
});
