import type { Application } from "../application.ts";
import type { PlaceableCluster } from "../cluster-selector.ts";
import { readDeclarations, type Declaration } from "../declarations.ts";
import { concerns } from "../placement.ts";
import type { ChartOutput, ChartRequest } from "../render/chart.ts";
import { render } from "../render/index.ts";
import { snapshotOf } from "../render/snapshot.fixture.ts";
import type { BlameInput } from "./index.ts";

const signal = new AbortController().signal;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

export interface BlameCase {
  readonly files: Readonly<Record<string, string>>;
  readonly app?: string;
  /** Default: the first that is declared. */
  readonly cluster?: string;
  /** What people and agents say of clusters, besides Git. */
  readonly given?: Readonly<Record<string, Partial<PlaceableCluster>>>;
  readonly running?: readonly string[];
  /** What kustomize prints. */
  readonly kustomize?: string;
  /** What Helm prints. */
  readonly helm?: (request: ChartRequest) => string;
  readonly others?: BlameInput["others"];
}

/** For tests: a target of a repository in memory. */
export function targetOf(given: BlameCase): BlameInput {
  const { files, kustomize = "", helm = () => "" } = given;
  const declarations = Object.entries(files).flatMap(([file, text]): readonly Declaration[] => {
    const { declarations: read, problems } = readDeclarations("config", file, encode(text));
    if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join());
    return read;
  });
  const application = declarations
    .filter((one): one is Application => one.kind === "Application")
    .find(({ name }) => name === (given.app ?? "shop"));
  const declared = declarations.filter((one) => one.kind === "Cluster");
  const clusters = declared.map(({ name, labels, vars }): PlaceableCluster => {
    const more = given.given?.[name] ?? {};
    return { name, vars, cordoned: "", ...more, labels: { ...more.labels, ...labels } };
  });
  const name = given.cluster ?? clusters[0]?.name;
  const cluster = clusters.find((one) => one.name === name);
  if (application === undefined || cluster === undefined) throw new Error("the files declare no such target");
  const snapshot = snapshotOf(files);
  const chart = (request: ChartRequest): Promise<ChartOutput> =>
    Promise.resolve({ printed: [encode(helm(request))], problems: [], fileOf: (file) => file });
  return {
    application,
    placements: declarations.filter((one) => one.kind === "Placement").filter((one) => concerns(one, application)),
    clusters,
    cluster,
    declared: declared.find((one) => one.name === name),
    running: new Set(given.running),
    read: (_repository, file) => snapshot.decode(file),
    snapshot,
    render: (app, variant) =>
      render(
        { application: app, snapshot, kustomize: () => Promise.resolve(encode(kustomize)), helm: chart, variant },
        signal,
      ),
    kustomizeFiles: () => Promise.resolve([...snapshot.entries.keys()]),
    others: given.others ?? [],
  };
}
