import { startApi, type RunningApi } from "@drover/hub/api/start-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { drover, type Outcome } from "./cli.ts";

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const command = (line: string): Promise<Outcome> => drover(api.url, line.split(" "));

describe("commands about where a change is", () => {
  test("rollout shows waves and what waits, and pauses, resumes and approves", async () => {
    const shown = await command("rollout show shop");
    expect(shown.stdout).toMatch(/^careful {2}AwaitingApproval 4be1f02, begun \S+ ago: wave eu waits for approval/u);
    expect(shown.stdout).toMatch(/canary +2 +2 +0 +0 +0 +0 +yes/u);
    expect(shown.stdout).toContain("  prod-1: waits for wave eu");
    expect((await command("rollout pause shop")).stderr).toBe("done; see: drover rollout show shop\n");
    await command("rollout approve shop --strategy careful --wave eu");
    expect(api.backend.asked).toEqual(
      expect.arrayContaining(["rollout pause shop * *", "rollout approve shop careful eu"]),
    );
    expect(JSON.parse((await command("rollout show shop -o json")).stdout)).toMatchObject({
      items: [{ strategy: "careful" }],
    });
    expect((await command("rollout resume nothing")).code).toBe(5);
  });

  test("sync --confirm-placement shows what is held, and confirms exactly that", async () => {
    const asked = await command("sync shop --confirm-placement");
    expect([asked.code, asked.stderr]).toEqual([
      6,
      expect.stringContaining("shop would leave 12 of 30 clusters: a, b, c and 9 more\n"),
    ]);
    await command("sync shop --confirm-placement --yes");
    expect(api.backend.asked).toContain("confirm-placement shop sha256:12");
  });
});
