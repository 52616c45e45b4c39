import { decodeBundle, decodeObject } from "@drover/shared/bundle";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { formatProblem } from "@drover/shared/problems";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";

import { readDeclarations } from "./declarations.ts";
import { desire, type Desired } from "./desired.ts";
import { clusterOf } from "./override.fixture.ts";
import type { Placement } from "./placement.ts";
import { markManifests } from "./templates.ts";

const utf8 = new TextEncoder();

/** Placements of the application `shop`, from the YAML of a spec without `applications`. */
function placements(...specs: readonly string[]): readonly Placement[] {
  return specs.map((spec, index) => {
    const text = `apiVersion: drover.dev/v1alpha1\nkind: Placement\nmetadata: { name: p${index} }\nspec:\n  applications: [shop]\n${spec}`;
    const { declarations, problems } = readDeclarations("config", "p.yaml", utf8.encode(text));
    expect(problems.map(formatProblem)).toEqual([]);
    const [placement] = declarations;
    if (placement?.kind !== "Placement") throw new Error("no placement was read");
    return placement;
  });
}

const web: KubeObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "shop", labels: { app: "web", old: "yes" } },
  spec: {
    replicas: 2,
    paused: true,
    template: {
      spec: {
        initContainers: [{ name: "init", image: "127.0.0.1:5000/tools/init@sha256:1" }],
        containers: [
          { name: "web", image: "nginx:1.29", env: [{ name: "A", value: "1" }] },
          { name: "side", image: "127.0.0.1:5000/side" },
        ],
      },
    },
  },
};
const settings: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" }, data: { a: "1" } };
const given = [web, settings].map((object) => ({ object }));

const eu = clusterOf("eu-1", { labels: { env: "prod", region: "eu" }, vars: { domain: "eu.example.org", size: 5 } });
const us = clusterOf("us-1", { labels: { env: "prod", region: "us" }, vars: { domain: "us.example.org" } });
const dev = clusterOf("dev-1", { labels: { env: "dev" } });

function objectsOn(desired: Desired, cluster: string): Readonly<Record<string, KubeObject>> {
  const variant = desired.variants.find(({ clusters }) => clusters.includes(cluster));
  const bytes = (digest: Parameters<typeof desired.blobs.get>[0]) => desired.blobs.get(digest) ?? new Uint8Array();
  if (variant === undefined) return {};
  const { objects } = decodeBundle(variant.bundle, bytes(variant.bundle));
  return Object.fromEntries(
    objects.map((digest) => decodeObject(digest, bytes(digest))).map((object) => [object.metadata.name, object]),
  );
}

function problemsOn(desired: Desired, cluster: string): readonly string[] {
  const variant = desired.variants.find(({ clusters }) => clusters.includes(cluster));
  return (variant?.problems ?? []).map(formatProblem);
}

function clustersOf({ variants }: Desired): readonly string[] {
  return variants.flatMap(({ clusters }) => clusters).toSorted();
}

describe("an override", () => {
  const change = (override: string): KubeObject => {
    const spec = `  selector: {}\n  overrides:\n    - selector: {}\n      ${override}\n`;
    const desired = desire(given, placements(spec), [eu]);
    expect(problemsOn(desired, "eu-1")).toEqual([]);
    return objectsOn(desired, "eu-1")["web"] ?? web;
  };
  const imagesOf = (object: KubeObject): readonly string[] =>
    [...JSON.stringify(object).matchAll(/"image":"(?<image>[^"]*)"/gu)].map((match) => match.groups?.["image"] ?? "");

  test.each<[string, string, readonly string[]]>([
    ["a tag", "{ name: nginx, newTag: '1.30' }", ["nginx:1.30", "127.0.0.1:5000/side"]],
    ["a digest", "{ name: nginx, digest: 'sha256:2' }", ["nginx@sha256:2", "127.0.0.1:5000/side"]],
    [
      "a name, and keeps the tag",
      "{ name: nginx, newName: mirror/nginx }",
      ["mirror/nginx:1.29", "127.0.0.1:5000/side"],
    ],
    [
      "an image with a port and no tag",
      "{ name: '127.0.0.1:5000/side', newTag: v2 }",
      ["nginx:1.29", "127.0.0.1:5000/side:v2"],
    ],
  ])("changes the image by %s", (_name, image, expected) => {
    const all = imagesOf(change(`images: [${image}]`));
    expect(all).toContain("127.0.0.1:5000/tools/init@sha256:1");
    expect(all.filter((one) => !one.includes("tools/init"))).toEqual(expected);
  });

  it("changes images of init containers, and keeps a digest when only the name is another", () => {
    const changed = change("images: [{ name: '127.0.0.1:5000/tools/init', newName: init }]");
    expect(imagesOf(changed)).toContain("init@sha256:1");
  });

  it("sets replicas, labels and annotations; null takes a label away", () => {
    const changed = change(
      "replicas: [{ name: web, count: 0 }]\n      labels: { old: null, tier: gold }\n      annotations: { note: hi }",
    );
    expect(changed).toMatchObject({ spec: { replicas: 0 }, metadata: { annotations: { note: "hi" } } });
    expect(changed.metadata.labels).toEqual({ app: "web", tier: "gold" });
  });

  it("E14: false, 0 and null take effect exactly", () => {
    const patch =
      "patches: [{ target: { name: web }, merge: { spec: { paused: false, replicas: 0, template: null } } }]";
    expect(change(patch)["spec"]).toEqual({ paused: false, replicas: 0 });
  });

  it("applies its parts in the order patches, images, replicas, whatever order they are written in", () => {
    const changed = change(
      "replicas: [{ name: web, count: 7 }]\n      patches: [{ target: { name: web }, merge: { spec: { replicas: 3 } } }]",
    );
    expect(changed).toMatchObject({ spec: { replicas: 7 } });
  });

  test.each<[string, string, string]>([
    ["an image", "images: [{ name: ngnix, newTag: v1 }]", "no container has the image ngnix"],
    ["replicas", "replicas: [{ name: wbe, count: 1 }]", "no Deployment, StatefulSet or ReplicaSet is named wbe"],
    [
      "a patch",
      "patches: [{ target: { name: wbe }, merge: {} }]",
      "this patch matches no object (it looks for name wbe)",
    ],
  ])("E15: warns where %s finds nothing", (_name, override, message) => {
    const desired = desire(given, placements(`  selector: {}\n  overrides:\n    - selector: {}\n      ${override}\n`), [
      eu,
    ]);
    expect(problemsOn(desired, "eu-1")).toEqual([expect.stringContaining(message)]);
    expect(desired.variants[0]?.problems[0]?.severity).toBe("warning");
  });

  it("gives the namespace for objects that name none", () => {
    const spec = "  selector: {}\n  overrides:\n    - selector: {}\n      namespace: shop-${cluster.labels.region}\n";
    const desired = desire(given, placements(spec), [eu, us]);
    expect(desired.variants.map(({ clusters, namespace }) => [clusters, namespace])).toEqual([
      [["eu-1"], "shop-eu"],
      [["us-1"], "shop-us"],
    ]);
  });
});

describe("variables", () => {
  const withData = (value: string, vars = ""): readonly Placement[] =>
    placements(
      `  selector: {}\n  overrides:\n    - selector: {}\n      ${vars}\n      patches: [{ target: { name: settings }, merge: { data: { a: ${value} } } }]\n`,
    );
  const dataOn = (desired: Desired, cluster: string): unknown => objectsOn(desired, cluster)["settings"]?.["data"];

  test.each<[string, string, unknown]>([
    ["the name", "'${cluster.name}'", "eu-1"],
    ["a label", "'${cluster.labels.region}'", "eu"],
    ["a variable in text", "'https://shop.${cluster.vars.domain}/'", "https://shop.eu.example.org/"],
    ["several", "'${cluster.name}.${cluster.labels.region}'", "eu-1.eu"],
    ["a number, of its own type", "'${cluster.vars.size}'", 5],
    ["a number in text", "'x${cluster.vars.size}'", "x5"],
    ["a default that is not needed", "'${cluster.labels.region:-none}'", "eu"],
    ["a default", "'${cluster.labels.zone:-none}'", "none"],
    ["an empty default", "'<${cluster.labels.zone:-}>'", "<>"],
    ["the text itself, escaped", "'$${cluster.name}'", "${cluster.name}"],
    ["other text in braces", "'${HOME} ${cluster}'", "${HOME} ${cluster}"],
  ])("put in %s", (_name, value, expected) => {
    expect(dataOn(desire(given, withData(value), [eu]), "eu-1")).toEqual({ a: expected });
  });

  it("E13: one that a cluster lacks fails that cluster alone", () => {
    const desired = desire(given, withData("'${cluster.vars.domain}'"), [eu, dev, us]);
    expect(dataOn(desired, "eu-1")).toEqual({ a: "eu.example.org" });
    expect(dataOn(desired, "us-1")).toEqual({ a: "us.example.org" });
    expect(problemsOn(desired, "eu-1")).toEqual([]);
    expect(problemsOn(desired, "dev-1")).toEqual([
      "the cluster has no value for ${cluster.vars.domain} (give it one, or write a default: ${cluster.vars.domain:-…})",
    ]);
  });

  it("take the value that an override gives over that of the cluster", () => {
    const desired = desire(given, withData("'${cluster.vars.domain}'", "vars: { domain: other.example.org }"), [eu]);
    expect(dataOn(desired, "eu-1")).toEqual({ a: "other.example.org" });
  });

  it("find only what was given, whatever it is called", () => {
    const desired = desire(given, withData("'${cluster.vars.constructor}'"), [eu]);
    expect(problemsOn(desired, "eu-1")).toEqual([expect.stringContaining("no value for ${cluster.vars.constructor}")]);
    const named = desire(given, withData("'${cluster.vars.constructor}'", "vars: { constructor: x }"), [eu]);
    expect(dataOn(named, "eu-1")).toEqual({ a: "x" });
  });

  it("share a variant where they come to the same, and all blobs that do not depend on them", () => {
    const more = clusterOf("eu-2", { labels: eu.labels });
    const desired = desire(given, withData("'${cluster.labels.region}'"), [eu, us, more]);
    expect(desired.variants.map(({ clusters }) => clusters)).toEqual([["eu-1", "eu-2"], ["us-1"]]);
    // Two bundles, two ConfigMaps, one Deployment.
    expect(desired.blobs.size).toBe(5);
  });

  it("fill in names and their order, and refuse a name that is none", () => {
    const rename = (name: string) =>
      placements(
        `  selector: {}\n  overrides:\n    - selector: {}\n      patches: [{ target: { name: settings }, json: [{ op: replace, path: /metadata/name, value: '${name}' }] }]\n`,
      );
    expect(Object.keys(objectsOn(desire(given, rename("s-${cluster.name}"), [eu]), "eu-1"))).toEqual(["s-eu-1", "web"]);
    expect(problemsOn(desire(given, rename("a/${cluster.name}"), [eu]), "eu-1")).toEqual([
      expect.stringContaining("is no name"),
    ]);
  });

  it("stay out of manifests unless the application wants them there, Secrets included", () => {
    const secret: KubeObject = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "keys" },
      data: { url: btoa("https://${cluster.vars.domain}") },
    };
    const plain = { ...settings, data: { a: "${cluster.name}" } };
    const all = [{ object: plain }, { object: secret }];
    const everywhere = placements("  selector: {}\n");
    expect(objectsOn(desire(all, everywhere, [eu]), "eu-1")).toMatchObject({
      settings: { data: { a: "${cluster.name}" } },
    });
    const { manifests, problems } = markManifests(all);
    expect(problems).toEqual([]);
    expect(objectsOn(desire(manifests, everywhere, [eu]), "eu-1")).toMatchObject({
      settings: { data: { a: "eu-1" } },
      keys: { data: { url: btoa("https://eu.example.org") } },
    });
    expect(markManifests([{ object: { ...settings, data: { a: "${cluster.lables.x}" } } }]).problems).toMatchObject([
      { code: "variable-unknown", severity: "error" },
    ]);
  });
});

describe("a placement", () => {
  const all = [eu, us, dev];
  test.each<[string, string, readonly string[]]>([
    ["every cluster", "  selector: {}\n", ["dev-1", "eu-1", "us-1"]],
    ["names", "  clusters: [eu-1, dev-1]\n", ["dev-1", "eu-1"]],
    ["names and labels", "  clusters: [eu-1, dev-1]\n  selector: { matchLabels: { env: prod } }\n", ["eu-1"]],
    ["all but some", "  selector: {}\n  exclude: [us-1]\n", ["dev-1", "eu-1"]],
    ["an expression", "  expression: cluster.labels['env'] == 'prod' && cluster.name.startsWith('u')\n", ["us-1"]],
    ["an expression over variables", "  expression: has(cluster.vars.size) && cluster.vars.size > 4\n", ["eu-1"]],
    ["an expression that fails on some", "  expression: cluster.labels.region == 'eu'\n", ["eu-1"]],
  ])("takes %s", (_name, spec, expected) => {
    expect(clustersOf(desire(given, placements(spec), all))).toEqual(expected);
  });

  it("says of every cluster that it leaves out why", () => {
    const { unselected } = desire(given, placements("  expression: cluster.labels.region == 'eu'\n"), all);
    expect(Object.fromEntries(unselected)).toEqual({
      "us-1": "placement p0 needs cluster.labels.region == 'eu'",
      "dev-1": expect.stringContaining(
        "has an expression that failed: column 16 (region): the cluster has no such field",
      ),
    });
  });

  const many = Array.from({ length: 12 }, (_, index) =>
    clusterOf(`c${index}`, { labels: { region: ["eu", "us", "ap"][index % 3] ?? "" } }),
  );
  const limited = placements("  selector: {}\n  limit: 6\n  spread: region\n");

  it("takes as many as its limit, as evenly as it can, whatever order clusters come in", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(many, { minLength: many.length }), (clusters) => {
        const taken = clustersOf(desire(given, limited, clusters));
        expect(taken).toEqual(clustersOf(desire(given, limited, many)));
        const regions = taken.map((name) => many.find((cluster) => cluster.name === name)?.labels["region"]);
        expect(Object.values(Object.groupBy(regions, String)).map((share) => share?.length)).toEqual([2, 2, 2]);
      }),
    );
  });

  it("stays where it runs when clusters come, and moves one when one goes", () => {
    const before = clustersOf(desire(given, limited, many));
    const more = [
      ...many,
      ...Array.from({ length: 9 }, (_, index) => clusterOf(`n${index}`, { labels: { region: "eu" } })),
    ];
    expect(clustersOf(desire(given, limited, more, new Set(before)))).toEqual(before);
    const [gone = ""] = before;
    const after = clustersOf(
      desire(
        given,
        limited,
        many.filter(({ name }) => name !== gone),
        new Set(before),
      ),
    );
    expect(after.filter((name) => !before.includes(name))).toHaveLength(1);
  });

  it("leaves a cordoned cluster what it has, and gives it nothing new unless that is tolerated", () => {
    const closed = { ...us, cordoned: "it is cordoned at clusters.yaml:3" };
    const everywhere = placements("  selector: {}\n");
    const { unselected } = desire(given, everywhere, [eu, closed]);
    expect(unselected.get("us-1")).toBe(
      "placement p0 matches it, but it takes nothing new: it is cordoned at clusters.yaml:3",
    );
    expect(clustersOf(desire(given, everywhere, [eu, closed], new Set(["us-1"])))).toEqual(["eu-1", "us-1"]);
    expect(clustersOf(desire(given, placements("  selector: {}\n  tolerateCordon: true\n"), [eu, closed]))).toEqual([
      "eu-1",
      "us-1",
    ]);
  });

  it("E25: two that take the same cluster are one target, with the overrides of both", () => {
    const set = (key: string) =>
      `  selector: {}\n  overrides:\n    - selector: {}\n      labels: { ${key}: "1", both: ${key} }\n`;
    const desired = desire(given, placements(set("a"), set("b")), [eu]);
    expect(clustersOf(desired)).toEqual(["eu-1"]);
    expect(objectsOn(desired, "eu-1")["settings"]?.metadata.labels).toEqual({ a: "1", b: "1", both: "b" });
  });
});
