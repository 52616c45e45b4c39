import { describe, expect, it } from "vitest";

import { driftedFields, isNewest, managerOf, ownHash } from "./drift.ts";
import { foreseeDuplicates, takeOver } from "./takeover.ts";

const time = "2026-01-01T00:00:00Z";

function entry(manager: string, operation: "Apply" | "Update", fieldsV1: object, more: object = {}): object {
  return { manager, operation, apiVersion: "v1", time, fieldsType: "FieldsV1", fieldsV1, ...more };
}

function live(...managedFields: readonly object[]) {
  return { metadata: { managedFields } };
}

const desired = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "shop", labels: { app: "web" } },
  spec: { replicas: 2, template: { spec: { containers: [{ name: "web", image: "nginx:1" }] } } },
};
const image = { "f:image": {}, "f:name": {} };
const containers = { 'k:{"name":"web"}': image };
const own = {
  "f:metadata": { "f:labels": { "f:app": {} } },
  "f:spec": { "f:replicas": {}, "f:template": { "f:spec": { "f:containers": containers } } },
};
const withoutReplicas = { ...own, "f:spec": { "f:template": own["f:spec"]["f:template"] } };

describe("whether anybody has written after us", () => {
  const at = (second: number) => ({ time: `2026-01-01T00:00:0${second}Z` });
  const ours = entry("drover", "Apply", own, at(5));
  it.each([
    ["nobody at all", [ours], true],
    ["others, a second before", [entry("kubectl", "Update", image, at(4)), ours], true],
    ["others, in the same second", [ours, entry("controller", "Update", image, at(5))], false],
    ["others, later", [entry("controller", "Update", image, at(6)), ours], false],
    ["others, and we never did", [entry("kubectl", "Update", image, at(4))], false],
  ])("%s", (_name, entries, expected) => {
    expect(isNewest(live(...entries), "drover")).toBe(expected);
  });
});

describe("the hash of what we own", () => {
  it("stays when others change status or fields of theirs", () => {
    const before = ownHash(live(entry("drover", "Apply", own)), "drover");
    const after = live(entry("drover", "Apply", own), entry("kubelet", "Update", { "f:status": {} }));
    expect(ownHash(after, "drover")).toBe(before);
  });

  it("changes when a field of ours is taken, and when our manager applies again", () => {
    const before = ownHash(live(entry("drover", "Apply", own)), "drover");
    expect(ownHash(live(entry("drover", "Apply", withoutReplicas)), "drover")).not.toBe(before);
    expect(ownHash(live(entry("drover", "Apply", own, { time: "2026-01-01T00:00:01Z" })), "drover")).not.toBe(before);
  });

  it("is empty when the entry is gone, and not taken from an update or a subresource", () => {
    expect(ownHash(live(), "drover")).toBe("");
    expect(ownHash(live(entry("drover", "Update", own)), "drover")).toBe("");
    expect(ownHash(live(entry("drover", "Apply", own, { subresource: "status" })), "drover")).toBe("");
  });
});

describe("drifted fields", () => {
  it("are none when our entry owns all that is desired", () => {
    expect(driftedFields(desired, live(entry("drover", "Apply", own)), "drover").paths).toEqual([]);
  });

  it("name the field and the manager who took it", () => {
    const taken = live(
      entry("drover", "Apply", withoutReplicas),
      entry("kubectl-edit", "Update", { "f:spec": { "f:replicas": {} } }),
    );
    expect(driftedFields(desired, taken, "drover")).toEqual({ paths: ["spec.replicas"], by: "kubectl-edit" });
  });

  it("name list items by their keys", () => {
    const partial = { 'k:{"name":"web"}': { "f:name": {} } };
    const shrunk = { ...own, "f:spec": { "f:replicas": {}, "f:template": { "f:spec": { "f:containers": partial } } } };
    const found = driftedFields(desired, live(entry("drover", "Apply", shrunk)), "drover");
    expect(found.paths).toEqual(["spec.template.spec.containers[name=web].image"]);
  });

  it("guess the last writer when a field was removed", () => {
    const removed = live(
      entry("drover", "Apply", withoutReplicas),
      entry("kubectl-edit", "Update", {}, { time: "2026-01-02T00:00:00Z" }),
      entry("older", "Update", {}),
      entry("kube-controller-manager", "Update", {}, { time: "2026-01-03T00:00:00Z", subresource: "status" }),
    );
    expect(driftedFields(desired, removed, "drover")).toEqual({ paths: ["spec.replicas"], by: "kubectl-edit" });
  });

  it("say so when the whole entry was taken away", () => {
    expect(driftedFields(desired, live(), "drover")).toEqual({ paths: ["metadata.managedFields"], by: "" });
  });
});

describe("the manager of a field", () => {
  const path = [
    { kind: "field", name: "spec" },
    { kind: "field", name: "ports" },
    { kind: "item", keys: { name: "http", port: 80 } },
    { kind: "field", name: "port" },
  ] as const;

  it("is found through the keys of list items", () => {
    const ports = { 'k:{"port":80,"protocol":"TCP"}': { "f:port": {} } };
    expect(managerOf(live(entry("helm", "Update", { "f:spec": { "f:ports": ports } })), path)).toBe("helm");
    const other = { 'k:{"port":81,"protocol":"TCP"}': { "f:port": {} } };
    expect(managerOf(live(entry("helm", "Update", { "f:spec": { "f:ports": other } })), path)).toBe("");
  });

  it("is the one who owns a list as a whole", () => {
    expect(managerOf(live(entry("helm", "Update", { "f:spec": { "f:ports": {} } })), path)).toBe("helm");
  });
});

describe("taking over list items", () => {
  const service = { spec: { ports: [{ name: "http", port: 81, protocol: "TCP" }] } };
  const item = (port: number): string => `k:{"port":${port},"protocol":"TCP"}`;
  const ports = (...numbers: readonly number[]) => ({
    "f:spec": { "f:ports": Object.fromEntries(numbers.map((port) => [item(port), { ".": {}, "f:name": {} }])) },
  });
  const options = { desired: service, duplicates: ["spec.ports[1].name"], manager: "drover" };

  it("case 23: hands us the item that has the name of ours, and only that one", () => {
    const object = {
      ...live(entry("drover", "Apply", { "f:spec": { "f:selector": {} } }), entry("edit", "Update", ports(90, 99))),
      spec: {
        ports: [
          { name: "http", port: 90, protocol: "TCP" },
          { name: "theirs", port: 99, protocol: "TCP" },
        ],
      },
    };
    const entries = takeOver(object, options);
    expect(entries).toMatchObject([
      { manager: "drover", fieldsV1: { "f:spec": { "f:selector": {}, "f:ports": { [item(90)]: { "f:name": {} } } } } },
      { manager: "edit", fieldsV1: ports(99) },
    ]);
    expect(JSON.stringify(entries?.[1])).not.toContain("90");
  });

  it("drops an entry that owns nothing any more", () => {
    const object = {
      ...live(entry("drover", "Apply", {}), entry("edit", "Update", ports(90))),
      spec: { ports: [{ name: "http", port: 90, protocol: "TCP" }] },
    };
    expect(takeOver(object, options)).toHaveLength(1);
  });

  it.each<[string, readonly ReturnType<typeof entry>[], readonly string[]]>([
    ["ours is gone, and somebody has another", [entry("edit", "Update", ports(90))], ["spec.ports[].name"]],
    ["ours is gone, and nobody has another", [entry("edit", "Update", { "f:spec": { "f:type": {} } })], []],
    ["somebody applies another, which is no edit of ours", [entry("team", "Apply", ports(90))], []],
  ])("case 23: is foreseen from metadata, or not, when %s", (_what, others, foreseen) => {
    const evidence = live(entry("drover", "Apply", { "f:spec": { "f:selector": {} } }), ...others);
    expect(foreseeDuplicates(evidence, { desired: service, manager: "drover" })).toEqual(foreseen);
  });

  it("is not foreseen while ours is there", () => {
    const evidence = live(entry("drover", "Apply", ports(81)), entry("edit", "Update", ports(90)));
    expect(foreseeDuplicates(evidence, { desired: service, manager: "drover" })).toEqual([]);
  });

  it("does nothing when nobody has edited a key", () => {
    const object = { ...live(entry("drover", "Apply", ports(81))), spec: service.spec };
    expect(takeOver(object, options)).toBeUndefined();
  });
});
