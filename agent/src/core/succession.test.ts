import { describe, expect, it } from "vitest";

import { findSurvivor, type Unapplied } from "./succession.ts";

function key(kind: string, name: string, namespace = "shop") {
  const group = ["Deployment", "StatefulSet"].includes(kind) ? "apps" : "";
  return { group, kind, namespace, name };
}

/** Not in the cluster yet. */
const missing = (kind: string, name: string, moved = 2): Unapplied => ({ key: key(kind, name), running: "", moved });
/** An older version of it runs. */
const running = (kind: string, name: string, text: string | undefined): Unapplied => {
  return { key: key(kind, name), running: text, moved: 1 };
};
const left = (kind: string, name: string, moved = 2, namespace = "shop") => ({
  key: key(kind, name, namespace),
  moved,
});

describe("what stays for the sake of what could not be applied", () => {
  it.each([
    ["what the running version names", left("ConfigMap", "web-1"), running("Deployment", "web", '"name":"web-1"')],
    ["all of its namespace when nobody knows what runs", left("ConfigMap", "a"), running("Deployment", "b", undefined)],
    ["pods behind a Service", left("Deployment", "blue"), running("Service", "web", '"selector":{"app":"shop"}')],
    ["an object of the same name", left("Deployment", "web"), missing("StatefulSet", "web", 5)],
    ["an object of the kind that left with its bundle", left("Deployment", "v1"), missing("Deployment", "v2")],
    ["one that left before this process", left("Deployment", "v1", 0), missing("Deployment", "v2")],
  ])("%s", (_what, leaving, other) => {
    expect(findSurvivor(leaving, [other])).toBe(other);
  });

  it.each([
    ["what the running version does not name", left("ConfigMap", "old"), running("Deployment", "web", '"web-1"')],
    ["what is in another namespace", left("ConfigMap", "web-1", 2, "b"), running("Deployment", "web", '"web-1"')],
    ["an object of another kind and name", left("ConfigMap", "old"), missing("Deployment", "web")],
    ["case 50: one that left with a later bundle", left("ConfigMap", "old", 3), missing("ConfigMap", "bad", 2)],
  ])("but not %s", (_what, leaving, other) => {
    expect(findSurvivor(leaving, [other])).toBeUndefined();
  });
});
