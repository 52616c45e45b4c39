import { credentialSchema } from "@drover/shared/api/credential";
import { blameSchema, whySchema } from "@drover/shared/api/explanations";
import { joinedClusterSchema } from "@drover/shared/api/join";
import { recoverySchema } from "@drover/shared/api/maintenance";
import type * as shared from "@drover/shared/api/types";
import * as schemas from "@drover/shared/api/types";
import { sourceWebhookSchema } from "@drover/shared/api/webhook";
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { MemoryBackend } from "./memory-backend.ts";
import { sampleFleet } from "./sample-fleet.ts";
import { startApi, type RunningApi } from "./start-api.ts";

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

async function read<T>(path: string): Promise<T> {
  const response = await api.call(`/api/v1${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

const namesIn = async (path: string): Promise<readonly string[]> =>
  (await read<shared.List<shared.Cluster>>(path)).items.map((item) => item.name);

describe("lists", () => {
  test("go by name, or the worst first", async () => {
    expect(await namesIn("/clusters")).toEqual(["dev-1", "prod-ap-1", "prod-eu-1", "prod-eu-3"]);
    expect(await namesIn("/clusters?sort=state")).toEqual(["prod-eu-3", "prod-ap-1", "prod-eu-1", "dev-1"]);
  });

  test("E76: keep to the states asked for, and say how many there are of each", async () => {
    const list = await read<shared.List<shared.Cluster>>("/clusters?state=failed,offline");
    expect([list.items.map((item) => item.name), list.total]).toEqual([["prod-ap-1", "prod-eu-3"], 2]);
    expect(list.states).toEqual({ current: 1, offline: 1, drifted: 1, failed: 1 });
  });

  test.each([
    ["env=prod", 3],
    ["env==prod,region=eu", 2],
    ["env!=prod", 1],
    ["region in (eu, ap)", 3],
    ["region notin (eu)", 2],
    ["!region", 1],
    ["region,tier=gold", 3],
    ["nothing=here", 0],
  ])("of clusters take the selector %s", async (selector, count) => {
    expect(await namesIn(`/clusters?labelSelector=${encodeURIComponent(selector)}`)).toHaveLength(count);
  });

  test("of targets take an application and a cluster", async () => {
    expect((await read<shared.List<shared.Target>>("/targets?app=shop")).total).toBe(3);
    expect((await read<shared.List<shared.Target>>("/targets?app=metrics&cluster=prod-eu-3")).total).toBe(1);
  });

  test.each(["name", "state"])("by %s come in pages that together are the list", async (sort) => {
    const collected: string[] = [];
    let cursor = "";
    do {
      const page = await read<shared.List<shared.Cluster>>(`/clusters?limit=1&sort=${sort}${cursor}`);
      expect([page.items.length, page.total]).toEqual([1, 4]);
      collected.push(...page.items.map((item) => item.name));
      cursor = page.next === undefined ? "" : `&cursor=${page.next}`;
    } while (cursor !== "");
    expect(collected).toEqual(await namesIn(`/clusters?sort=${sort}`));
  });

  test("E76: neither repeat nor hide the others when something goes between two pages", async () => {
    const backend = new MemoryBackend(sampleFleet());
    await using changing = await startApi({ backend });
    const page = async (query: string): Promise<shared.List<shared.Cluster>> =>
      (await (await changing.call(`/api/v1/clusters?limit=2${query}`)).json()) as shared.List<shared.Cluster>;
    const first = await page("");
    backend.clusterByName.delete("dev-1");
    backend.clusterByName.delete("prod-ap-1");
    const second = await page(`&cursor=${first.next}`);
    expect(second.items.map((item) => item.name)).toEqual(["prod-eu-1", "prod-eu-3"]);
  });

  test("do not take the cursor of another order", async () => {
    const { next } = await read<shared.List<shared.Cluster>>("/clusters?limit=1&sort=state");
    expect((await api.call(`/api/v1/clusters?limit=1&cursor=${next}`)).status).toBe(400);
  });
});

test.each<[string, TSchema]>([
  ["/version", schemas.versionSchema],
  ["/clusters", schemas.listSchema(schemas.clusterSchema)],
  ["/clusters/prod-eu-3", schemas.clusterSchema],
  ["/applications", schemas.listSchema(schemas.applicationSchema)],
  ["/applications/billing", schemas.applicationDetailSchema],
  ["/targets", schemas.listSchema(schemas.targetSchema)],
  ["/targets/shop/prod-eu-3", schemas.targetDetailSchema],
  ["/targets/shop/prod-eu-1/diff", schemas.diffSchema],
  ["/targets/shop/prod-eu-1/tree", schemas.treeSchema],
  ["/targets/shop/prod-eu-1/rbac", schemas.rbacSchema],
  ["/targets/shop/prod-eu-3/why", whySchema],
  ["/targets/shop/dev-1/why", whySchema],
  ["/targets/shop/prod-eu-3/blame?object=cm/shop&namespace=shop", blameSchema],
  ["/sources", schemas.listSchema(schemas.sourceSchema)],
  ["/sources/legacy", schemas.sourceDetailSchema],
  ["/sources/platform/identity", schemas.sourceIdentitySchema],
  ["/credentials", schemas.listSchema(credentialSchema)],
  ["/credentials/corp", credentialSchema],
  ["/recovery", recoverySchema],
  ["/events", schemas.eventListSchema],
])("%s answers what its schema says", async (path, schema) => {
  expect([...Value.Errors(schema, await read(path))]).toEqual([]);
});

test("R23: a full disk refuses intents with a code of its own, and serves what there is", async () => {
  api.backend.isFull = true;
  try {
    const refused = await api.call("/api/v1/clusters/dev-1", { method: "DELETE" });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: "store_full", hint: expect.stringContaining("make room") });
    expect((await api.call("/api/v1/clusters/dev-1")).status).toBe(200);
  } finally {
    api.backend.isFull = false;
  }
});

describe("intents", () => {
  const send = (method: string, path: string, body?: unknown): Promise<Response> =>
    api.call(`/api/v1${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

  test("joining answers 201 with the token and the manifest", async () => {
    const response = await send("POST", "/clusters", { name: "prod-br-1", labels: { env: "prod" } });
    expect(response.status).toBe(201);
    expect([...Value.Errors(joinedClusterSchema, await response.json())]).toEqual([]);
  });

  test("labels are set, changed and removed", async () => {
    const response = await send("PATCH", "/clusters/dev-1/labels", { labels: { env: null, tier: "gold" } });
    expect(((await response.json()) as shared.Cluster).labels).toEqual({ tier: "gold" });
  });

  test("syncing asks for one target or for all of an application", async () => {
    const one = await send("POST", "/targets/shop/prod-eu-1/sync");
    expect([one.status, await one.json()]).toEqual([202, { targets: ["shop@prod-eu-1"] }]);
    const all = (await (await send("POST", "/applications/shop/sync")).json()) as shared.SyncResult;
    expect(all.targets).toHaveLength(3);
    expect(api.backend.asked).toEqual(expect.arrayContaining(["sync shop@prod-eu-1", "sync shop"]));
  });

  test("a source is added, fetched and removed", async () => {
    const added = await send("POST", "/sources", {
      url: "https://u:p@git.example.com/new",
      name: "new",
      password: "s",
    });
    expect([added.status, (await added.text()).includes('"password"')]).toEqual([201, false]);
    expect((await send("POST", "/sources/new/sync")).status).toBe(202);
    const removed = await send("DELETE", "/sources/new");
    expect([removed.status, await removed.text()]).toEqual([204, ""]);
    expect((await send("DELETE", "/sources/new")).status).toBe(404);
  });

  test("other host keys of a source are trusted, but not without any", async () => {
    const trusted = await send("PUT", "/sources/platform/host-keys", { hostKeys: ["ssh-ed25519 AAAA"] });
    expect([trusted.status, [...Value.Errors(schemas.sourceIdentitySchema, await trusted.json())]]).toEqual([200, []]);
    expect(api.backend.asked).toContain("trust source/platform ssh-ed25519 AAAA");
    expect((await send("PUT", "/sources/platform/host-keys", { hostKeys: [] })).status).toBe(400);
    expect((await send("GET", "/sources/nothing/identity")).status).toBe(404);
  });

  test("a source gets signers, and may be without any", async () => {
    const signedBy = ["ssh-ed25519 AAAA bob"];
    const set = await send("PUT", "/sources/platform/signers", { signedBy });
    expect([set.status, [...Value.Errors(schemas.sourceDetailSchema, await set.json())]]).toEqual([200, []]);
    expect((await send("PUT", "/sources/platform/signers", { signedBy: [] })).status).toBe(200);
    expect(api.backend.asked).toContain("signers source/platform 1");
    expect((await send("PUT", "/sources/platform/signers", {})).status).toBe(400);
    expect((await send("PUT", "/sources/platform/signers", { signedBy: ["a".repeat(65_537)] })).status).toBe(400);
    expect((await send("PUT", "/sources/nothing/signers", { signedBy })).status).toBe(404);
  });

  test("a credential is added once, replaced and removed, and never told", async () => {
    const parts = { for: "https://git.example.com/team", username: "ci", password: "s3cret" };
    const added = await send("POST", "/credentials", { name: "team", ...parts });
    const text = await added.text();
    expect([added.status, [...Value.Errors(credentialSchema, JSON.parse(text))]]).toEqual([201, []]);
    expect((await send("POST", "/credentials", { name: "team", ...parts })).status).toBe(409);
    const replaced = await send("PUT", "/credentials/team", parts);
    expect(replaced.status).toBe(200);
    const all = [text, await replaced.text(), JSON.stringify(await read("/credentials"))];
    expect(all.join("")).not.toContain("s3cret");
    expect((await send("PUT", "/credentials/Te%20am", parts)).status).toBe(400);
    expect((await send("DELETE", "/credentials/team")).status).toBe(204);
    expect((await send("DELETE", "/credentials/team")).status).toBe(404);
  });

  test("what is wrong with a credential is told without what is secret in it", async () => {
    const parts = { for: "https://git.example.com/team", password: "s3cret".repeat(10_000), passwrd: "s3cret" };
    const refused = await send("POST", "/credentials", { name: "team", ...parts });
    const text = await refused.text();
    expect(refused.status).toBe(400);
    expect(text).toContain("/passwrd");
    expect(text).toContain('"/password"');
    expect(text).not.toContain("s3cret");
  });

  test("a webhook's secret is made for a forge that there is", async () => {
    const made = await send("PUT", "/sources/platform/webhook", { forge: "gitlab", rotate: true });
    expect([made.status, [...Value.Errors(sourceWebhookSchema, await made.json())]]).toEqual([200, []]);
    expect(api.backend.asked).toContain("webhook source/platform gitlab");
    expect((await send("PUT", "/sources/platform/webhook", { forge: "svn" })).status).toBe(400);
    expect((await send("PUT", "/sources/nothing/webhook", { forge: "gitlab" })).status).toBe(404);
  });

  test("a cluster is removed once", async () => {
    expect((await send("DELETE", "/clusters/prod-ap-1")).status).toBe(204);
    expect((await send("DELETE", "/clusters/prod-ap-1")).status).toBe(404);
  });
});
