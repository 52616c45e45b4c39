import { formatProblem } from "@drover/shared/problems";
import { describe, expect, test } from "vitest";

import { readDeclarations } from "./declarations.ts";
import { formatChoice, formatPackage, isPinned, packageKey, type PackageRef } from "./package.ts";

const digest = `sha256:${"0a".repeat(32)}`;

function read(source: string, more = ""): ReturnType<typeof readDeclarations> {
  const text = `apiVersion: drover.dev/v1alpha1\nkind: Application\nmetadata: { name: shop }\nspec:\n  source: ${source}\n${more}`;
  return readDeclarations("config", "drover.yaml", new TextEncoder().encode(text));
}

function applicationOf(source: string, more?: string) {
  const { declarations, problems } = read(source, more);
  const [application] = declarations;
  if (application?.kind !== "Application") throw new Error(problems.map(formatProblem).join("\n"));
  return application;
}

function refOf(source: string): PackageRef {
  const ref = applicationOf(source).source.package;
  if (ref === undefined) throw new Error("this is no package");
  return ref;
}

describe("a chart or an artifact as a source", () => {
  test("is read with what it leaves out", () => {
    const { source, renderer } = applicationOf(
      '{ chart: { repository: https://x.org/charts/, name: web, version: "6.x" } }',
    );
    expect(renderer).toBe("helm");
    expect(source).toEqual({
      repository: "config",
      path: "web",
      exclude: [],
      package: {
        kind: "chart",
        repository: "https://x.org/charts",
        name: "web",
        version: "6.x",
        tag: "",
        digest: "",
        credential: "",
        intervalMs: 300_000,
      },
    });
  });

  test("has its value files and its path inside", () => {
    const chart = "{ chart: { repository: oci://x.org/charts, name: web, version: 1.0.0 } }";
    const helm = "  helm: { valueFiles: [values-prod.yaml] }\n";
    expect(applicationOf(chart, helm).helm?.valueFiles.map(({ path }) => path)).toEqual(["web/values-prod.yaml"]);
    const artifact = `{ artifact: { repository: oci://x.org/a/shop, digest: "${digest}", path: ./base } }`;
    expect(applicationOf(artifact).source.path).toBe("shop/base");
  });

  test.each([
    ["{ path: a, chart: { repository: https://x.org, name: a, version: 1.0.0 } }", "chart cannot stand beside path"],
    ["{ chart: { repository: https://x.org, name: a } }", "spec.source.chart.version is missing"],
    ['{ chart: { repository: https://x.org, name: a, version: "" } }', "version is empty"],
    ["{ chart: { repository: https://x.org, name: a, version: newest } }", "has to be a version or a range"],
    [`{ chart: { repository: https://x.org, name: a, digest: "${digest}" } }`, "version is missing"],
    [`{ chart: { repository: oci://x.org/a, name: a, version: 1.0.0, digest: "${digest}" } }`, "cannot stand beside"],
    ["{ chart: { repository: https://me:pw@x.org, name: a, version: 1.0.0 } }", "belong to a credential"],
    ["{ chart: { repository: file:///etc, name: a, version: 1.0.0 } }", "has to be an address"],
    ["{ chart: { repository: oci://x.org/a, name: ../a, version: 1.0.0 } }", "has to be the name of a chart"],
    ["{ chart: { repository: https://x.org, name: a, version: 1.0.0, tag: v1 } }", 'unknown key "tag"'],
    ["{ artifact: { repository: https://x.org/a, tag: v1 } }", "has to be oci://registry/path"],
    ["{ artifact: { repository: oci://x.org, tag: v1 } }", "has to be oci://registry/path"],
    ["{ artifact: { repository: oci://x.org/a, tag: v1, path: ../b } }", "leads out of the artifact"],
    ["{ artifact: { repository: oci://x.org/a, tag: a/b } }", "has to be a tag"],
    ["{ artifact: { repository: oci://x.org/a, tag: v1, interval: 1ms } }", "interval has to be"],
  ])("%s is refused, with its place", (source, message) => {
    const { declarations, problems } = read(source);
    expect(declarations).toEqual([]);
    expect(problems.map(formatProblem).join("\n")).toContain(message);
    expect(problems.every(({ at }) => at?.line === 5)).toBe(true);
  });

  test("names no password in what is told of it", () => {
    const { problems } = read("{ chart: { repository: https://me:pw@x.org, name: a, version: 1.0.0 } }");
    expect(problems.map(formatProblem).join("\n")).not.toContain("pw");
  });

  test("is looked up once for all that differ only in their interval", () => {
    const chart = (change: string): PackageRef =>
      refOf(`{ chart: { repository: oci://x.org/charts, name: web, version: 1.x${change} } }`);
    expect(packageKey(chart(", interval: 1m"))).toBe(packageKey(chart("")));
    expect(packageKey(chart(", credential: a"))).not.toBe(packageKey(chart("")));
    expect(formatPackage(chart(""))).toBe("oci://x.org/charts/web");
  });

  test("is pinned by a version or a digest", () => {
    const refs = ["version: 1.0.0", "version: 1.x", "tag: v1", `digest: "${digest}"`].map((choice) =>
      refOf(`{ artifact: { repository: oci://x.org/a, ${choice} } }`),
    );
    expect(refs.map(isPinned)).toEqual([true, false, false, true]);
    expect(refs.map(formatChoice)).toEqual(["version 1.0.0", "version 1.x", "tag v1", digest]);
  });
});
