import { FakeClock } from "@drover/shared/clock";
import { describe, expect, it } from "vitest";

import { createDiscovery } from "./discovery.ts";
import { answered, createScriptedApi, refused } from "./scripted-api.ts";

const clock = new FakeClock();
const never = new AbortController().signal;
const deployment = { group: "apps", version: "v1", kind: "Deployment" };
const resources = [
  { name: "deployments", kind: "Deployment", namespaced: true },
  { name: "deployments/scale", kind: "Scale", namespaced: true },
];

const resourceList = { kind: "APIResourceList", resources };
const groupsWith = (...groups: readonly object[]) => answered({ kind: "APIGroupList", groups });

describe("discovery", () => {
  it("asks once for a group version, however many want to know at once", async () => {
    const api = createScriptedApi({ request: () => answered(resourceList) });
    const discovery = createDiscovery(api, clock);
    const found = await Promise.all([discovery.find(deployment, never), discovery.find(deployment, never)]);
    expect(found[0]).toEqual({ ...deployment, plural: "deployments", namespaced: true });
    expect(api.calls).toEqual(["GET /apis/apps/v1"]);
    await discovery.find(deployment, never);
    expect(api.calls).toHaveLength(1);
  });

  it("tells which kinds can be scaled, where a generation is one of the spec alone", async () => {
    const entry = (name: string) => ({ name, kind: name.includes("/") ? "Scale" : name, namespaced: true });
    const names = ["a", "a/scale", "a/status", "b", "b/scale", "c", "c/status"];
    const list = answered({ kind: "APIResourceList", resources: names.map(entry) });
    const discovery = createDiscovery(createScriptedApi({ request: () => list }), clock);
    const found = ["a", "b", "c"].map((kind) => discovery.find({ group: "example.org", version: "v1", kind }, never));
    expect((await Promise.all(found)).map((resource) => resource?.scalable === true)).toEqual([true, false, false]);
  });

  it("does not take a subresource for a kind", async () => {
    const discovery = createDiscovery(createScriptedApi({ request: () => answered(resourceList) }), clock);
    expect(await discovery.find({ ...deployment, kind: "Scale" }, never)).toBeUndefined();
  });

  it("asks again for a kind that was missing: it may have come", async () => {
    let there = false;
    const api = createScriptedApi({ request: () => (there ? answered(resourceList) : refused(404)) });
    const discovery = createDiscovery(api, clock);
    expect(await discovery.find(deployment, never)).toBeUndefined();
    const asked = api.calls.length;
    expect(await discovery.find({ ...deployment, kind: "Other" }, never)).toBeUndefined();
    expect(api.calls).toHaveLength(asked);
    there = true;
    await clock.advance(1_000);
    expect(await discovery.find(deployment, never)).toBeDefined();
  });

  it("never takes a fault of the server for a missing kind", async () => {
    const discovery = createDiscovery(createScriptedApi({ request: () => refused(503) }), clock);
    await expect(discovery.find(deployment, never)).rejects.toMatchObject({ code: "api_unreachable" });
    await expect(discovery.findAnyVersion(deployment, never)).rejects.toMatchObject({ code: "api_unreachable" });
  });

  it("finds the kind in another version when its own is gone", async () => {
    const discovery = createDiscovery(
      createScriptedApi({
        request: ({ path }) => {
          if (path === "/apis") return groupsWith({ name: "apps", versions: [{ version: "v1" }] });
          return path === "/apis/apps/v1" ? answered(resourceList) : refused(404);
        },
      }),
      clock,
    );
    const found = await discovery.findAnyVersion({ ...deployment, version: "v1beta1" }, never);
    expect(found?.version).toBe("v1");
  });

  it("gives a kind up only when the list of groups lacks it too", async () => {
    const groups = { name: "apps", versions: [{ version: "v1" }] };
    const find = (...listed: readonly object[]) =>
      createDiscovery(
        createScriptedApi({ request: ({ path }) => (path === "/apis" ? groupsWith(...listed) : refused(404)) }),
        clock,
      ).findAnyVersion(deployment, never);
    expect(await find()).toBeUndefined();
    await expect(find(groups)).rejects.toMatchObject({ code: "api_unreachable" });
  });

  it.each([{}, { kind: "Status" }, []])("does not take %j with 200 for an answer", async (body) => {
    const discovery = createDiscovery(createScriptedApi({ request: () => answered(body) }), clock);
    await expect(discovery.find(deployment, never)).rejects.toMatchObject({ code: "api_unreachable" });
    await expect(discovery.findAnyVersion(deployment, never)).rejects.toMatchObject({ code: "api_unreachable" });
  });

  it("forgets a group whose kinds may have changed", async () => {
    const api = createScriptedApi({ request: () => answered(resourceList) });
    const discovery = createDiscovery(api, clock);
    await discovery.find(deployment, never);
    discovery.forget("apps");
    await discovery.find(deployment, never);
    expect(api.calls).toHaveLength(2);
  });
});
