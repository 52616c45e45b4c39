import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isOwnedBy, ownerId, ownerLabels } from "./owner.ts";

const here = { clusterUid: "cluster-1", namespace: "drover-system", application: "shop" };
const owner = { application: "shop", id: ownerId(here) };

function live(labels: object, uid = "u1") {
  return { metadata: { uid, labels } };
}

describe("the owner's id", () => {
  it("is a UUID, and always the same for the same application", () => {
    expect(owner.id).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/u);
    expect(ownerId({ ...here })).toBe(owner.id);
    fc.assert(
      fc.property(fc.string(), fc.string(), (clusterUid, application) =>
        /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/u.test(ownerId({ ...here, clusterUid, application })),
      ),
    );
  });

  it("differs by cluster, by agent and by application", () => {
    const others = [{ clusterUid: "cluster-2" }, { namespace: "other" }, { application: "shop2" }];
    const ids = [owner.id, ...others.map((other) => ownerId({ ...here, ...other }))];
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("whose object it is", () => {
  it("is told by both labels", () => {
    expect(isOwnedBy(live(ownerLabels(owner)), owner, "")).toBe(true);
    expect(isOwnedBy(live({}), owner, "u1")).toBe(false);
    expect(isOwnedBy(live({ ...ownerLabels(owner), "drover.dev/application": "other" }), owner, "u1")).toBe(false);
  });

  it("is not ours when another cluster's or agent's application has the same name", () => {
    const copy = ownerLabels({ ...owner, id: ownerId({ ...here, clusterUid: "cluster-2" }) });
    expect(isOwnedBy(live(copy), owner, "u1")).toBe(false);
  });

  it("is ours without an id when the inventory names exactly that object", () => {
    const old = live({ "drover.dev/application": "shop" });
    expect(isOwnedBy(old, owner, "u1")).toBe(true);
    expect(isOwnedBy(old, owner, "u2")).toBe(false);
    expect(isOwnedBy(old, owner, "")).toBe(false);
  });
});
