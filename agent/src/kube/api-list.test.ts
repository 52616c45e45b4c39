import { apiListOf } from "@drover/shared/kube/api-list";
import { describe, expect, it } from "vitest";

import { fetchApiList } from "./api-list.ts";
import { answered, createScriptedApi, refused } from "./scripted-api.ts";

const never = new AbortController().signal;
const kind = (name: string) => ({ responseKind: { group: "", version: "", kind: name } });
const whole = (...items: readonly object[]) => answered({ kind: "APIGroupDiscoveryList", items });
const core = whole({ metadata: { name: "" }, versions: [{ version: "v1", resources: [kind("Pod")] }] });
const groupOf = (name: string, version: object) => ({ metadata: { name }, versions: [{ version: "v1", ...version }] });
const apps = groupOf("apps", { resources: [{ ...kind("Deployment"), subresources: [kind("Scale")] }] });
const broken = groupOf("metrics.k8s.io", { resources: [], freshness: "Stale" });
const serving = (answers: Readonly<Record<string, ReturnType<typeof answered> | ReturnType<typeof refused>>>) =>
  createScriptedApi({ request: ({ path }) => answers[path] ?? refused(404) });

describe("the list of APIs", () => {
  it("is read at once from a server that has it in one document", async () => {
    const api = serving({ "/api": core, "/apis": whole(apps) });
    const { versions } = await fetchApiList(api, undefined, never);
    expect(versions).toEqual(["apps/v1", "apps/v1/Deployment", "apps/v1/Scale", "v1", "v1/Pod"]);
    expect(api.calls).toEqual(["GET /readyz", "GET /api", "GET /apis"]);
  });

  it("is the same when it has to be asked for group by group", async () => {
    const list = (...kinds: readonly string[]) =>
      answered({ kind: "APIResourceList", resources: kinds.map((one) => ({ name: one, kind: one })) });
    const groups = [{ name: "apps", versions: [{ groupVersion: "apps/v1", version: "v1" }] }];
    const old = serving({
      "/api": answered({ kind: "APIVersions", versions: ["v1"] }),
      "/apis": answered({ kind: "APIGroupList", groups }),
      "/api/v1": list("Pod"),
      "/apis/apps/v1": list("Deployment", "Scale"),
    });
    const one = serving({ "/api": core, "/apis": whole(apps) });
    expect(await fetchApiList(old, undefined, never)).toEqual(await fetchApiList(one, undefined, never));
  });

  it("keeps the kinds of an API that does not answer, and is not known when nothing says them", async () => {
    const api = serving({ "/api": core, "/apis": whole(apps, broken) });
    await expect(fetchApiList(api, undefined, never)).rejects.toMatchObject({ code: "api_unreachable" });
    const previous = apiListOf(["metrics.k8s.io/v1", "metrics.k8s.io/v1/PodMetrics", "gone/v1", "v1"]);
    const { versions } = await fetchApiList(api, previous, never);
    expect(versions).toContain("metrics.k8s.io/v1/PodMetrics");
    expect(versions).not.toContain("gone/v1");
  });

  it.each([
    ["is not ready", { "/readyz": refused(500), "/api": core, "/apis": whole(apps) }],
    ["refuses", { "/api": core, "/apis": refused(503) }],
    ["is something else", { "/api": core, "/apis": answered({ kind: "Page" }) }],
  ])("is not known while the server %s", async (_title, answers) => {
    await expect(fetchApiList(serving(answers), undefined, never)).rejects.toMatchObject({ code: "api_unreachable" });
  });
});
