import { describe, expect, it } from "vitest";

import { Kinds } from "../resources/kinds.ts";
import { negotiate } from "./negotiate.ts";
import { parseResourcePath } from "./router.ts";

const kinds = new Kinds();

describe("parseResourcePath", () => {
  it.each([
    ["/api/v1/namespaces", "Namespace", {}],
    ["/api/v1/namespaces/a", "Namespace", { name: "a" }],
    ["/api/v1/namespaces/a/finalize", "Namespace", { name: "a", subresource: "finalize" }],
    ["/api/v1/namespaces/a/status", "Namespace", { name: "a", subresource: "status" }],
    ["/api/v1/namespaces/a/pods", "Pod", { namespace: "a" }],
    ["/api/v1/namespaces/a/pods/p/log", "Pod", { namespace: "a", name: "p", subresource: "log" }],
    ["/api/v1/pods", "Pod", {}],
    [
      "/apis/apps/v1/namespaces/a/deployments/web/scale",
      "Deployment",
      { namespace: "a", name: "web", subresource: "scale" },
    ],
    ["/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aadmin", "ClusterRole", { name: "system:admin" }],
  ])("reads %s", (path, kind, expected) => {
    const { kind: found, ...place } = parseResourcePath(path, kinds) ?? {};
    expect(found?.info.kind).toBe(kind);
    expect(place).toEqual({ namespace: undefined, name: undefined, subresource: undefined, ...expected });
  });

  it.each([
    "/api/v1/nothing",
    "/api/v2/pods",
    "/apis/apps/v1/namespaces/a/deployments/web/scale/more",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/a/clusterroles",
    "/api/v1/pods/p",
    "/api/v1/namespaces/%zz/pods",
    "/else",
  ])("knows nothing at %s", (path) => {
    expect(parseResourcePath(path, kinds)).toBeUndefined();
  });
});

describe("negotiate", () => {
  it.each([
    [undefined, "full"],
    ["application/json", "full"],
    ["*/*", "full"],
    ["application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "table"],
    ["application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json", "metadata"],
    ["application/vnd.kubernetes.protobuf,application/json", "full"],
    ["application/json;as=Else;g=meta.k8s.io;v=v1,application/json", "full"],
  ])("answers %s with %s", (accept, expected) => {
    expect(negotiate(accept)).toBe(expected);
  });

  it("refuses clients that take protobuf only", () => {
    expect(() => negotiate("application/vnd.kubernetes.protobuf")).toThrow("only the following media types");
  });
});
