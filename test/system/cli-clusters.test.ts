import { startApi, type RunningApi } from "@drover/hub/api/start-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { drover, type Outcome } from "./cli.ts";

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const command = (line: string): Promise<Outcome> => drover(api.url, line.split(" "));

describe("commands that change a cluster", () => {
  test("cluster label sets and removes", async () => {
    expect((await command("cluster label dev-1 tier=gold env-")).stdout).toBe("dev-1  tier=gold\n");
  });

  test("cluster cordon says why nothing new comes, and uncordon that it does again", async () => {
    const cordoned = await drover(api.url, ["cluster", "cordon", "dev-1", "--reason", "it moves"]);
    expect(cordoned.stdout).toBe("dev-1 takes no new applications: it moves\n");
    expect((await command("describe cluster dev-1")).stdout).toMatch(/cordoned +it moves/u);
    expect((await command("cluster uncordon dev-1")).stdout).toBe("dev-1 takes new applications\n");
    expect((await command("cluster cordon dev-9")).code).toBe(5);
  });

  test("cluster revoke says what it does and how to undo it", async () => {
    const revoked = await drover(api.url, ["cluster", "revoke", "prod-eu-1", "--reason", "its key leaked"]);
    expect(revoked.stdout).toBe("prod-eu-1 is revoked: its agent gets nothing new\n");
    expect(revoked.stderr).toContain("drover join prod-eu-1");
    expect(api.backend.asked).toContain("revoke prod-eu-1 its key leaked");
    expect((await command("cluster revoke dev-9")).code).toBe(5);
  });

  test("cluster accept and reject ask the hub for that", async () => {
    expect((await command("cluster accept prod-eu-1")).stdout).toBe("prod-eu-1 is accepted\n");
    expect((await command("cluster reject prod-eu-1")).stdout).toContain("prod-eu-1 is rejected\n");
    expect(api.backend.asked).toEqual(expect.arrayContaining(["accept prod-eu-1", "reject prod-eu-1"]));
    expect((await command("cluster accept dev-9")).code).toBe(5);
  });

  test("cluster rotate has a certificate replaced, and cluster detach --uninstall says what would be deleted", async () => {
    expect((await command("cluster rotate prod-eu-1")).stdout).toBe("the agent of prod-eu-1 gets a new certificate\n");
    expect(api.backend.asked).toContain("rotate prod-eu-1");
    const asked = await command("cluster detach prod-eu-1 --uninstall");
    expect([asked.code, asked.stderr]).toEqual([
      6,
      expect.stringMatching(/would be deleted there[\s\S]*--uninstall --yes/u),
    ]);
    expect((await command("cluster detach prod-eu-1 --uninstall --yes")).code).toBe(0);
    expect(api.backend.asked).toContain("uninstall prod-eu-1");
  });

  test("cluster remove asks first", async () => {
    const asked = await drover(api.url, ["cluster", "remove", "dev-1"]);
    expect([asked.code, asked.stderr.includes("drover cluster remove dev-1 --yes")]).toEqual([6, true]);
    expect(api.backend.clusterByName.has("dev-1")).toBe(true);
    expect((await drover(api.url, ["cluster", "remove", "dev-1", "--yes"])).code).toBe(0);
    expect(api.backend.clusterByName.has("dev-1")).toBe(false);
  });
});
