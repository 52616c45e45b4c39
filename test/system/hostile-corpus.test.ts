import { builtInKeys, strangeCharacters, type HostileInput } from "@drover/hub/hostile/corpus.fixture";
import { declarationInputs, expressionInputs } from "@drover/hub/hostile/declarations.fixture";
import { objectInputs, yamlInputs } from "@drover/hub/hostile/documents.fixture";
import { patchInputs } from "@drover/hub/hostile/patches.fixture";
import { chartInputs, kustomizationInputs } from "@drover/hub/hostile/render.fixture";
import { addressInputs, refInputs } from "@drover/hub/hostile/sources.fixture";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { createWorkTree, type FileChanges, type WorkTree } from "../rig/git.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

const everywhere = { fleet: "all" };
/** A cluster whose agent has not come: what it is to run is decided, and that is what attacks could change. */
const away = { fleet: "away" };
const waiting = { timeout: 100_000, interval: 250 };

/** What one input makes of an application that runs, and by which codes it is to be refused. */
interface Attack {
  readonly app: string;
  readonly title: string;
  readonly codes: readonly string[];
  readonly files: FileChanges;
}

/** What the hub calls a refusal where it tells more of it than the reader that refused. */
const alsoCalled: Readonly<Record<string, readonly string[]>> = {
  document_invalid: ["kustomize-failed", "helm-failed"],
  input_too_large: ["helm-failed"],
  usage: ["field-invalid"],
};

const declared = "app.yaml";
const placed = "placement.yaml";
const good = "files/web.yaml";
const web = JSON.stringify({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "nginx:1" }] } },
  },
});

/** The files of an application before the attack; each is in a namespace of its own. */
const peaceful = (app: string, labels: Readonly<Record<string, string>>): FileChanges => ({
  [declared]: application(app, app).replace(`apps/${app}`, "./files"),
  [placed]: placement(app, labels),
  [good]: web,
});

/** What has an ordinary meaning, with a warning or without. */
const meant = new Set(["accepted", "patch-no-match"]);
const variants = [...builtInKeys.slice(1), ...Object.keys(strangeCharacters).slice(1)];
/**
 * Keys and characters take one way through the hub, so that the first of them stands for all. What is large costs up to a
 * second each, which the unit test counts: a few are enough to see that the hub answers meanwhile.
 */
const isOneOfMany = ({ title, input }: HostileInput<unknown>, index: number): boolean =>
  variants.some((name) => title.startsWith(`${name} as `)) || (JSON.stringify(input).length > 50_000 && index % 8 > 0);
/** Those that are refused, each with an application of its own. */
const attacks = <T>(
  family: string,
  list: readonly HostileInput<T>[],
  make: (input: T, app: string) => FileChanges,
): readonly Attack[] =>
  list.flatMap((one, index) => {
    const { title, input, outcome } = one;
    const app = `${family}-${index}`;
    return meant.has(outcome) || isOneOfMany(one, index)
      ? []
      : [{ app, title, codes: outcome.split(","), files: make(input, app) }];
  });
/** A document in place of the one of its kind, about the application of the attack. */
const inPlace = (text: string, app: string): FileChanges => ({
  [text.includes("kind: Application\n") ? declared : placed]: text.replaceAll("shop", app),
});
const manifests = (change: FileChanges): FileChanges => ({
  [good]: undefined,
  ...Object.fromEntries(Object.entries(change).map(([path, text]) => [`files/${path}`, text])),
});
const repository = (app: string, spec: string): string =>
  `apiVersion: drover.dev/v1alpha1\nkind: Repository\nmetadata: { name: ${app} }\nspec: { ${spec} }\n`;

/** By the repository that they come in. */
const repositories: Readonly<Record<string, readonly Attack[]>> = {
  documents: [
    ...attacks("yaml", yamlInputs, (text) => manifests({ "web.yaml": text })),
    ...attacks("object", objectInputs, (text) => manifests({ "web.yaml": text })),
  ],
  trees: [...attacks("kustomization", kustomizationInputs, manifests), ...attacks("chart", chartInputs, manifests)],
  declarations: [
    ...attacks("declaration", declarationInputs, inPlace),
    ...attacks("expression", expressionInputs, inPlace),
    ...attacks("patch", patchInputs, inPlace),
  ],
  addresses: [
    ...attacks("address", addressInputs, (url, app) => ({ [placed]: repository(app, `url: ${JSON.stringify(url)}`) })),
    ...attacks("ref", refInputs, (ref, app) => ({
      [placed]: repository(app, `url: "https://git.example/a", ref: ${JSON.stringify(ref)}`),
    })),
  ],
};
/** All files of a repository, each application's in its folder. */
const filesOf = (list: readonly Attack[], make: (attack: Attack, index: number) => FileChanges): FileChanges =>
  Object.fromEntries(
    list.flatMap((attack, index) =>
      Object.entries(make(attack, index)).map(([path, text]) => [`apps/${attack.app}/${path}`, text]),
    ),
  );
const isTold = (code: string, told: ReadonlySet<string>): boolean =>
  [code, ...(alsoCalled[code] ?? [])].some((one) => told.has(one));
const count = Object.values(repositories).flat().length;

describeWithRig(
  "git",
  "kubectl",
  "helm",
)("the hostile corpus in Git", () => {
  let fleet: Fleet;
  const trees = new Map<string, WorkTree>();
  let asked = 0;
  let answered = 0;

  /** A request that has to be answered, in bounded time, whatever the hub is reading. */
  const ask = async <T>(request: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    asked += 1;
    const answer = await request(AbortSignal.timeout(30_000));
    answered += 1;
    return answer;
  };
  /** What is decided for every target, and what is live on the cluster that has an agent. */
  const running = async (): Promise<unknown> => {
    const targets = (await fleet.targets()).filter(({ app }) => app !== "good");
    const decided = targets.map(({ app, cluster, bundle }) => `${app}@${cluster} ${bundle}`).toSorted();
    const listed = await fleet.cluster("dev-1").run("get", "deployments", "--all-namespaces", "--output", "json");
    const { items } = JSON.parse(listed) as { readonly items: readonly Record<string, Record<string, unknown>>[] };
    return [decided, items.map(({ metadata, spec }) => [metadata?.["namespace"], metadata?.["uid"], spec])];
  };

  beforeAll(async () => {
    fleet = await startFleet({
      servers: "embedded",
      clusters: { "dev-1": everywhere },
      files: {
        "apps/good/drover.yaml": application("good", "default") + placement("good", everywhere),
        "apps/good/good.yaml": configMap("good", { round: "0" }),
      },
    });
    await ask((signal) => fleet.client.clusters.join({ name: "away-1", labels: { ...away } }, signal));
    await Promise.all(
      Object.entries(repositories).map(async ([name, list]) => {
        const tree = await createWorkTree({
          files: filesOf(list, ({ app }, index) => peaceful(app, index === 0 ? everywhere : away)),
        });
        trees.set(name, tree);
        await ask((signal) => fleet.client.sources.add({ name, url: tree.path, intervalSeconds: 3600 }, signal));
      }),
    );
    await vi.waitFor(async () => {
      const targets = await fleet.targets();
      expect(targets).toHaveLength(count + 1);
      const states = targets.filter(({ cluster }) => cluster === "dev-1").map(({ state }) => state);
      expect(states).toEqual(["good", ...Object.keys(repositories)].map(() => "current"));
    }, waiting);
  }, 240_000);
  afterAll(async () => {
    await Promise.all([fleet, ...trees.values()].map(async (part) => part[Symbol.asyncDispose]()));
  });

  /** The attacks from the first on of which the hub does not tell yet: at their files, of their applications, as a condition. */
  const silentOf = async (name: string, list: readonly Attack[]): Promise<readonly Attack[]> => {
    const { problems } = await ask((signal) => fleet.client.sources.get(name, signal));
    for (const [index, { app, codes }] of list.entries()) {
      const { conditions, problems: own } = await ask((signal) => fleet.client.applications.get(app, signal));
      const atFiles = problems.filter(({ at }) => at?.file.startsWith(`apps/${app}/`) === true);
      const told = new Set([...atFiles, ...own].map(({ code }) => code));
      for (const { reason } of conditions) told.add(reason);
      if (!codes.every((code) => isTold(code, told))) return list.slice(index);
    }
    return [];
  };

  test("R9, T3, T8: each is told by its code while requests are answered and others go on; what ran stays as it was", async () => {
    expect(count).toBeGreaterThanOrEqual(200);
    const before = await running();
    for (const [name, list] of Object.entries(repositories)) {
      const tree = trees.get(name);
      await tree?.commit(
        "Attack",
        filesOf(list, ({ files }) => files),
      );
      await ask((signal) => fleet.client.sources.sync(name, signal));
    }
    const missing = new Map(Object.entries(repositories));
    let round = 0;
    await vi.waitFor(async () => {
      round += 1;
      await fleet.tree.commit(`round ${round}`, { "apps/good/good.yaml": configMap("good", { round: `${round}` }) });
      for (const [name, list] of missing) missing.set(name, await silentOf(name, list));
      expect([...missing.values()].flat().map(({ app, title, codes }) => `${app}, ${title}: ${codes.join()}`)).toEqual(
        [],
      );
    }, waiting);
    await vi.waitFor(async () => {
      const { data } = (await fleet.cluster("dev-1").get("default", "configmap/good")) ?? {};
      expect(data).toEqual({ round: `${round}` });
    }, waiting);
    expect(await running()).toEqual(before);
    expect(answered).toBe(asked);
  }, 240_000);
});
