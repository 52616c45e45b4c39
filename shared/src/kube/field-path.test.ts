import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatFieldPath, parseFieldPath, valueAt, withValueAt, type Segment } from "./field-path.ts";

const name = fc.constantFrom("spec", "replicas", "labels", "annotations", "ports", "data");
const field = name.map((name): Segment => ({ kind: "field", name }));
const value = fc.oneof(fc.constantFrom("web", "TCP", "/var/run"), fc.integer({ min: 0, max: 65_535 }), fc.boolean());
const item = fc
  .uniqueArray(fc.tuple(fc.constantFrom("name", "port", "protocol"), value), {
    minLength: 1,
    maxLength: 2,
    selector: ([key]) => key,
  })
  .map((keys): Segment => ({ kind: "item", keys: Object.fromEntries(keys) }));
const index = fc.nat(99).map((index): Segment => ({ kind: "index", index }));
/** As paths are: no list item below a map of people's keys. */
const paths = fc
  .tuple(field, fc.array(fc.oneof(field, item, index), { maxLength: 5 }))
  .map(([first, rest]) => [first, ...rest])
  .filter((path) => path.every((segment, at) => segment.kind === "field" || !isPeoples(path[at - 1])));

function isPeoples(segment: Segment | undefined): boolean {
  return segment?.kind === "field" && ["labels", "annotations", "data"].includes(segment.name);
}

describe("field paths", () => {
  it("are read as they are written", () => {
    fc.assert(
      fc.property(paths, (path) => {
        expect(parseFieldPath(formatFieldPath(path))).toEqual(path);
      }),
    );
  });

  it.each([
    "spec.replicas",
    "metadata.labels[app.kubernetes.io/name]",
    "metadata.annotations[note]",
    "data[tls.crt]",
    "spec.template.spec.containers[name=web].resources.limits[cpu]",
    "spec.ports[port=80,protocol=TCP].nodePort",
    "spec.args[2]",
    "webhooks[name=a.b.c].clientConfig.caBundle",
  ])("such as %s", (text) => {
    expect(formatFieldPath(parseFieldPath(text) ?? [])).toBe(text);
  });

  it.each([
    "",
    ".spec",
    "spec.",
    "spec..replicas",
    "/spec/replicas",
    "spec[",
    "spec[]",
    "spec]",
    "spec ports",
    "a[=1]",
  ])("refuse %j", (text) => {
    expect(parseFieldPath(text)).toBeUndefined();
  });
});

describe("values at paths", () => {
  const object = { spec: { replicas: 2, ports: [{ port: 80, name: "http" }, { port: 81 }] } };
  const path = (text: string) => parseFieldPath(text) ?? [];

  it("are found through fields and items", () => {
    expect(valueAt(object, path("spec.ports[port=80,protocol=TCP].name"))).toBe("http");
    expect(valueAt(object, path("spec.ports[1].port"))).toBe(81);
    expect(valueAt(object, path("spec.missing.name"))).toBeUndefined();
  });

  it("are replaced, made and taken away without touching the original", () => {
    const before = structuredClone(object);
    expect(withValueAt(object, path("spec.replicas"), 3)).toEqual({ spec: { ...object.spec, replicas: 3 } });
    expect(withValueAt(object, path("spec.replicas"), undefined)).toEqual({ spec: { ports: object.spec.ports } });
    expect(withValueAt(object, path("spec.ports[port=81]"), undefined)).toEqual({
      spec: { replicas: 2, ports: [{ port: 80, name: "http" }] },
    });
    expect(withValueAt({}, path("spec.replicas"), 3)).toEqual({ spec: { replicas: 3 } });
    expect(withValueAt(object, path("spec.ports[port=99].name"), "x")).toEqual(object);
    expect(withValueAt(object, path("spec.missing.name"), undefined)).toEqual(object);
    expect(object).toEqual(before);
  });

  it("are what was set", () => {
    fc.assert(
      fc.property(
        paths.filter((path) => path.every(({ kind }) => kind === "field")),
        fc.integer(),
        (path, value) => {
          expect(valueAt(withValueAt({}, path, value), path)).toBe(value);
          expect(valueAt(withValueAt({ other: 1 }, path, undefined), path)).toBeUndefined();
        },
      ),
    );
  });
});
