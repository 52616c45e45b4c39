import { gzipSync } from "node:zlib";

import { decodeYaml } from "@drover/shared/decode";
import { DroverError } from "@drover/shared/errors";
import type { KubeObject, Manifest } from "@drover/shared/kube/manifest";
import { defaultSync } from "@drover/shared/sync-options";
import { describe, expect, test } from "vitest";

import type { Application } from "../core/application.ts";
import { readDeclarations } from "../core/declarations.ts";
import { desire } from "../core/desired.ts";
import { defaultHelm } from "../core/helm.ts";
import { clusterOf } from "../core/override.fixture.ts";
import { chartRequest, render } from "../core/render/index.ts";
import { snapshotOf } from "../core/render/snapshot.fixture.ts";
import { refusalOf } from "../core/signers.ts";
import { parseAddress } from "../source/git/address.ts";
import { checkRef } from "../source/git/refs.ts";
import { followLinks } from "../source/links.ts";
import { filesForHelm } from "../source/programs/chart-files.ts";
import { filesForKustomize } from "../source/programs/kustomize-files.ts";
import { readTgz } from "../source/published/tar.ts";
import { judgeCommit } from "../source/signatures/commit-signature.ts";
import { idOf, objectsOf } from "../source/signatures/signatures.fixture.ts";
import { readSigners } from "../source/signatures/signers.ts";
import type { Snapshot } from "../source/snapshot.ts";
import type { HostileInput } from "./corpus.fixture.ts";
import { declarationInputs, expressionInputs } from "./declarations.fixture.ts";
import { objectInputs, yamlInputs } from "./documents.fixture.ts";
import { patchInputs } from "./patches.fixture.ts";
import { chartInputs, kustomizationInputs } from "./render.fixture.ts";
import { signatureInputs, signerInputs } from "./signatures.fixture.ts";
import { addressInputs, archiveInputs, linkInputs, refInputs } from "./sources.fixture.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
/** The hub's own time for one input. */
const maxMs = 1000;
const signal = new AbortController().signal;
const never = (): Promise<never> => Promise.reject(new Error("no program was expected"));

const application: Application = {
  kind: "Application",
  name: "shop",
  labels: {},
  repository: "config",
  source: { repository: "config", path: "", exclude: [] },
  renderer: "plain",
  helm: defaultHelm,
  namespace: "shop",
  substitute: false,
  sync: { prune: true, allowEmpty: false, createNamespace: true, deletion: "uninstall", options: defaultSync },
  at: { file: "drover.yaml", line: 1, column: 1 },
};
const web: KubeObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: { replicas: 1, list: [1, 2], template: { spec: { containers: [{ name: "web", image: "nginx:1" }] } } },
};
const given: readonly Manifest[] = [{ object: web }];
const cluster = clusterOf("eu-1", { labels: { env: "prod" }, vars: { size: 3 } });

type Codes = readonly { readonly code: string }[];

/** What a placement in a file comes to on a cluster, with everything that is wrong about it. */
function place(text: string): Codes {
  const { declarations, problems } = readDeclarations("config", "drover.yaml", encode(text));
  const placements = declarations.filter((declaration) => declaration.kind === "Placement");
  const { variants } = desire(given, placements, [cluster]);
  return [...problems, ...variants.flatMap((variant) => variant.problems)];
}

const snapshot = (files: Readonly<Record<string, string>>): Snapshot => snapshotOf(files) as Snapshot;
/** For what refuses by throwing. */
const passes = async (work: () => unknown): Promise<Codes> => {
  await work();
  return [];
};

type Trees = Readonly<Record<string, string>>;
/** An input with what it comes to; the types of inputs stop here. */
interface Case {
  readonly title: string;
  readonly outcome: string;
  read(): Codes | Promise<Codes>;
}

const family = <T>(list: readonly HostileInput<T>[], read: (input: T) => Codes | Promise<Codes>): readonly Case[] =>
  list.map(({ title, input, outcome }) => ({ title, outcome, read: () => read(input) }));

const families: Readonly<Record<string, readonly Case[]>> = {
  YAML: family(yamlInputs, (text) => decodeYaml("a.yaml", encode(text)).problems),
  objects: family(objectInputs, async (text) => {
    const files = snapshotOf({ "a.yaml": text });
    return (await render({ application, snapshot: files, kustomize: never, helm: never }, signal)).problems;
  }),
  declarations: family(declarationInputs, place),
  patches: family(patchInputs, place),
  expressions: family(expressionInputs, place),
  addresses: family(addressInputs, (url) => passes(() => parseAddress({ url }))),
  refs: family(refInputs, (ref) => passes(() => checkRef(ref))),
  links: family(linkInputs, (target) => {
    const links = new Map([
      ["a", target],
      ["b", "c"],
      ["c", "b"],
    ]);
    return passes(() => followLinks("a", (path) => Promise.resolve(links.get(path))));
  }),
  archives: family(archiveInputs, (tar) => passes(() => readTgz(gzipSync(tar), 11_000_000))),
  kustomizations: family(kustomizationInputs, (files: Trees) => passes(() => filesForKustomize(snapshot(files), ""))),
  signers: family(signerInputs, (text) => passes(() => readSigners([text]))),
  signatures: family(signatureInputs, async (object) => {
    const verdict = await judgeCommit(objectsOf([object]), { id: idOf(object) }, []);
    const code = refusalOf(verdict);
    return code === undefined ? [] : [{ code }];
  }),
  charts: family(chartInputs, async (files: Trees) => {
    return (await filesForHelm(snapshot(files), chartRequest(application))).problems;
  }),
};

const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Map.prototype];
const shapeOf = (): string => JSON.stringify(prototypes.map((one) => Object.getOwnPropertyNames(one)));
const before = shapeOf();

/** What an input comes to; what is thrown and is no DroverError ends the test. */
async function outcomeOf({ read }: Case): Promise<string> {
  try {
    const problems = await read();
    expect(problems.length).toBeLessThanOrEqual(100);
    return [...new Set(problems.map(({ code }) => code))].toSorted().join(",") || "accepted";
  } catch (cause) {
    if (cause instanceof DroverError && cause.code !== "internal") return cause.code;
    throw cause;
  }
}

/** Of the process, in ms: a busy machine costs wall time, not this. */
async function costOf(work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  return process.cpuUsage(start).user / 1000;
}

test("there are at least 300 inputs, each once", () => {
  const titles = Object.entries(families).flatMap(([name, cases]) => cases.map(({ title }) => `${name}: ${title}`));
  expect(titles.length).toBeGreaterThanOrEqual(300);
  expect(new Set(titles).size).toBe(titles.length);
});

describe.each(Object.entries(families))("%s", (_name, cases) => {
  test("T2, T3, T4, T5: each is refused with its code, or means what it says", { timeout: 120_000 }, async () => {
    const found: Record<string, string> = {};
    const wanted: Record<string, string> = {};
    const slow: string[] = [];
    for (const one of cases) {
      const cost = await costOf(async () => (found[one.title] = await outcomeOf(one)));
      wanted[one.title] = one.outcome;
      // The first time pays for the compiler, or for the garbage of others.
      if (cost > maxMs && (await costOf(() => outcomeOf(one))) > maxMs)
        slow.push(`${one.title}: ${Math.round(cost)} ms`);
    }
    expect(found).toEqual(wanted);
    expect(slow).toEqual([]);
    expect(shapeOf()).toBe(before);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

test("nothing of it stays in memory", () => {
  expect(process.memoryUsage().heapUsed).toBeLessThan(512 * 1024 * 1024);
});
