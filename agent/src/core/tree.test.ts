import { describe, expect, it } from "vitest";

import { createObjectRecord } from "./record.ts";
import { buildTree, type LiveObject } from "./tree.ts";

function live(kind: string, name: string, owners: readonly string[]): LiveObject {
  const key = { group: "", kind, namespace: "shop", name };
  return { key, uid: `uid of ${name}`, owners: owners.map((owner) => `uid of ${owner}`), object: {} };
}

const record = {
  ...createObjectRecord({ group: "apps", kind: "Deployment", namespace: "shop", name: "web" }, "v1"),
  uid: "uid of web",
};

describe("tree", () => {
  it("hangs under each object what its controllers made of it, and leaves strangers out", () => {
    const others = [
      live("Pod", "pod", ["set"]),
      live("ReplicaSet", "set", ["web"]),
      live("Pod", "stranger", ["other"]),
    ];
    expect(buildTree([record], others)).toMatchObject([
      {
        object: "Deployment.apps shop/web",
        children: [{ object: "ReplicaSet shop/set", children: [{ object: "Pod shop/pod", children: [] }] }],
      },
    ]);
  });

  it("ends where objects own each other in a circle", () => {
    const circle = [live("ReplicaSet", "a", ["web", "b"]), live("ReplicaSet", "b", ["a"])];
    expect(JSON.stringify(buildTree([record], circle)).length).toBeLessThan(2_000);
  });
});
