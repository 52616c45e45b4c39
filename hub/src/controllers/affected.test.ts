import type { Condition } from "@drover/shared/conditions";
import { describe, expect, it } from "vitest";

import { Catalogs, type Catalog } from "../core/catalog.ts";
import { readDeclarations, type Declarations } from "../core/declarations.ts";
import type { Snapshot } from "../source/snapshot.ts";
import { affected, type Published } from "./affected.ts";

const header = (kind: string, name: string): string =>
  `apiVersion: drover.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec:\n`;
const app = (name: string, more = ""): string =>
  `${header("Application", name)}  source: { path: apps/${name} }\n${more}`;
const place = (name: string, apps = name): string =>
  `${header("Placement", name)}  applications: [${apps}]\n  selector: { matchLabels: { env: prod } }\n`;

/** What each file declares, as a repository's reader gives it: once for each content. */
const read = new Map<string, Declarations>();
function declarationsOf(file: string, text: string): Declarations {
  const key = `${file} ${text}`;
  const found = read.get(key) ?? readDeclarations("config", file, new TextEncoder().encode(text));
  read.set(key, found);
  return found;
}

type Files = Readonly<Record<string, string>>;

/** Declarations in `*.yaml` of the root; folders below `apps` by their content. */
function publish(files: Files): Published {
  const declared = Object.entries(files).filter(([path]) => !path.includes("/"));
  const read = declared.map(([path, text]) => declarationsOf(path, text));
  const folders = Object.entries(files).filter(([path]) => path.includes("/"));
  const catalog: Catalog = {
    repository: "config",
    commit: "c",
    declarations: read.flatMap(({ declarations }) => declarations),
    problems: read.flatMap(({ problems }) => problems),
  };
  const entries = folders.map(([path, text]) => [`${path}/a.yaml`, { path, oid: text, mode: "file" }] as const);
  const snapshot = { repository: "config", commit: { id: "c" }, entries: new Map(entries), folders: new Map(folders) };
  return { catalog, snapshot: snapshot as unknown as Snapshot };
}

const rendered: readonly Condition[] = [
  { type: "Rendered", status: "True", reason: "Rendered", message: "", since: 0 },
];

async function look(
  before: Files | undefined,
  now: Files,
  conditions: (app: string) => readonly Condition[] = () => rendered,
) {
  const published = publish(now);
  const catalogs = new Catalogs();
  catalogs.set(published.catalog);
  const status = { commit: "", problems: [], noTargets: "", wide: [] };
  const deps = {
    store: { applications: () => ["gone"], targetsOf: () => [] },
    world: { catalogs, application: (name: string) => ({ ...status, conditions: conditions(name) }) },
  };
  const { changed, asBefore } = await affected(deps, before === undefined ? undefined : publish(before), published);
  return { changed: [...changed], asBefore: [...asBefore].toSorted() };
}

const files: Files = {
  "a.yaml": app("a"),
  "b.yaml": app("b"),
  "c.yaml": app("c"),
  "place-a.yaml": place("a"),
  "place-bc.yaml": place("bc", "b, c"),
  "apps/a": "1",
  "apps/b": "1",
  "apps/c": "1",
};
const strategy = `${header("RolloutStrategy", "careful")}  waves: [{ name: all, maxConcurrency: 1 }]\n`;

describe("what a commit may change", () => {
  it.each<readonly [string, Files, readonly string[]]>([
    ["nothing", {}, []],
    ["a file that nothing reads", { "apps/unused": "2" }, []],
    ["the files of one", { "apps/b": "2" }, ["b"]],
    ["its declaration", { "b.yaml": app("b", "  namespace: other\n") }, ["b"]],
    ["its placement", { "place-a.yaml": `${place("a")}  limit: 1\n` }, ["a"]],
    ["a placement of two", { "place-bc.yaml": place("bc", "b") }, ["b", "c"]],
    [
      "files, and the declaration of another: files come first",
      { "a.yaml": app("a", "  namespace: x\n"), "apps/c": "2" },
      ["c", "a"],
    ],
    ["a new one", { "d.yaml": app("d"), "apps/d": "1" }, ["d"]],
    ["a strategy, which any may name", { "strategy.yaml": strategy }, ["a", "b", "c"]],
    ["a cluster", { "cluster.yaml": `${header("Cluster", "prod-1")}  labels: { env: prod }\n` }, ["a", "b", "c"]],
    ["dependencies, which may close a cycle", { "b.yaml": app("b", "  dependsOn: [a]\n") }, ["a", "b", "c"]],
    ["a mistake: what is not said may be missing", { "c.yaml": "kind: [" }, ["a", "b", "c"]],
  ])("is, of %s, what it says or is read from it", async (_what, changes, expected) => {
    const { changed, asBefore } = await look(files, { ...files, ...changes });
    expect([...changed].toSorted()).toEqual([...expected].toSorted());
    expect(changed[0]).toBe(expected[0]);
    expect(asBefore).toEqual(["a", "b", "c"].filter((name) => !expected.includes(name)));
  });

  it("is everything before there was a catalog, and after one with mistakes", async () => {
    expect((await look(undefined, files)).changed.toSorted()).toEqual(["a", "b", "c"]);
    expect((await look({ ...files, "broken.yaml": "kind: [" }, files)).changed.toSorted()).toEqual(["a", "b", "c"]);
  });

  it("is what has left, too", async () => {
    const { "b.yaml": _, ...rest } = files;
    expect((await look(files, rest)).changed).toEqual(["b"]);
  });

  it.each<readonly [string, readonly Condition[]]>([
    ["was never looked at", []],
    ["could not be rendered", [{ type: "Rendered", status: "False", reason: "RenderFailed", message: "", since: 0 }]],
    ["waits", [...rendered, { type: "Placed", status: "Unknown", reason: "WaitingForCluster", message: "", since: 0 }]],
  ])("is also what %s", async (_what, conditions) => {
    const { changed, asBefore } = await look(files, files, (name) => (name === "b" ? conditions : rendered));
    expect([changed, asBefore]).toEqual([["b"], ["a", "c"]]);
  });
});
