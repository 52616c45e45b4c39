import { decodeYaml } from "@drover/shared/decode";
import type { Position } from "@drover/shared/errors";
import { diffObjects } from "@drover/shared/kube/diff";
import { formatFieldPath } from "@drover/shared/kube/field-path";
import { formatObjectKey, objectKey, type Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { ChartOutput } from "./chart.ts";
import { printedLimits } from "./limits.ts";
import type { Loaded } from "./loaded.ts";
import { collectObjects } from "./objects.ts";
import { revisionFault } from "./revision-fault.ts";

const maxObjectsNamed = 10;
const maxPathsNamed = 5;

/** What Helm printed; every object is said to be at its template. `chart` is the place of what has no better one. */
export async function loadHelm(
  template: (signal: AbortSignal) => Promise<ChartOutput>,
  chart: string,
  signal: AbortSignal,
): Promise<Loaded> {
  const at: Position = { file: chart, line: 1, column: 1 };
  try {
    const { printed, problems, fileOf } = await template(signal);
    const [first, second] = printed.map((bytes) => readPrinted(bytes, fileOf, at));
    if (first === undefined) return { documents: [], problems };
    const differences = second === undefined ? [] : compare(first, second);
    return { documents: first.documents, problems: [...problems, ...first.problems, ...differences] };
  } catch (cause) {
    return { documents: [], problems: [revisionFault(cause, "helm-failed", at)] };
  }
}

function readPrinted(bytes: Uint8Array, fileOf: (name: string) => string, chart: Position): Loaded {
  const { documents, problems } = decodeYaml(chart.file, bytes, printedLimits);
  const sources = findSources(bytes);
  const placeOf = (line: number): Position => {
    const source = sources.findLast((candidate) => candidate.line <= line);
    return source === undefined ? chart : { file: fileOf(source.name), line: 1, column: 1 };
  };
  return {
    documents: documents.map(({ value, at }) => {
      const place = placeOf(at.line);
      return { value, positionOf: () => place };
    }),
    problems: problems.map((problem) => ({ ...problem, at: placeOf(problem.at?.line ?? 1) })),
  };
}

interface Source {
  /** Of the output. */
  readonly line: number;
  /** `chart/templates/x.yaml` */
  readonly name: string;
}

/** Helm says above the documents of a file where they are from. */
function findSources(bytes: Uint8Array): readonly Source[] {
  const mark = "# Source: ";
  const lines = new TextDecoder().decode(bytes).split("\n");
  const sources: Source[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.startsWith(mark) && lines[index - 1] === "---") sources.push({ line: index + 1, name: line.slice(10) });
  }
  return sources;
}

/** Names the fields that chance decides, and never a value: it may be a password. */
function compare(first: Loaded, second: Loaded): readonly Problem[] {
  const [one, other] = [byIdentity(first), byIdentity(second)];
  const problems: Problem[] = [];
  for (const [identity, manifest] of one) {
    if (problems.length >= maxObjectsNamed) break;
    const twin = other.get(identity);
    if (twin === undefined) problems.push(nondeterministic(`${identity} is not rendered each time`, manifest));
    else {
      const paths = differingPaths(manifest, twin);
      if (paths.length === 0) continue;
      const shown = paths.slice(0, maxPathsNamed).join(", ") + (paths.length > maxPathsNamed ? " and more" : "");
      problems.push(nondeterministic(`${identity} is rendered differently each time at ${shown}`, manifest));
    }
  }
  return problems;
}

function byIdentity({ documents }: Loaded): ReadonlyMap<string, Manifest> {
  const { manifests } = collectObjects(documents, "");
  return new Map(manifests.map((manifest) => [formatObjectKey(objectKey(manifest.object)), manifest]));
}

function differingPaths(one: Manifest, other: Manifest): readonly string[] {
  // Each direction sees only what its first object has.
  const changes = [...diffObjects(one.object, other.object), ...diffObjects(other.object, one.object)];
  return [...new Set(changes.map(({ path }) => formatFieldPath(path)))];
}

function nondeterministic(message: string, { at }: Manifest): Problem {
  const hint = "give it in the values, or make it in the cluster and refer to it";
  return { code: "helm-nondeterministic", severity: "error", message, ...(at === undefined ? {} : { at }), hint };
}
