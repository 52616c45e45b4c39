import { decodeYaml, type YamlDocument } from "@drover/shared/decode";
import { DroverError } from "@drover/shared/errors";
import { isRecord, textAt } from "@drover/shared/json";
import type { Problem } from "@drover/shared/problems";

import { readApplication, type Application } from "./application.ts";
import { readCluster, type DeclaredCluster } from "./cluster.ts";
import { didYouMean, Fields, nameRule, type Findings } from "./fields.ts";
import type { Header } from "./header.ts";
import { readPlacement, type Placement } from "./placement.ts";
import type { SnapshotFiles } from "./render/snapshot-files.ts";
import { readRepository, type DeclaredRepository } from "./repository.ts";
import { readStrategy, type RolloutStrategy } from "./strategy.ts";

export type Declaration = Application | Placement | DeclaredCluster | DeclaredRepository | RolloutStrategy;

export interface Declarations {
  readonly declarations: readonly Declaration[];
  readonly problems: readonly Problem[];
}

export const group = "drover.dev/";
export const apiVersion = `${group}v1alpha1`;

type ReadSpec = (header: Header, document: Fields) => Declaration;

/** All kinds, with what reads them. */
export const kinds: ReadonlyMap<string, ReadSpec> = new Map<string, ReadSpec>([
  ["Application", readApplication],
  ["Cluster", readCluster],
  ["Placement", readPlacement],
  ["Repository", readRepository],
  ["RolloutStrategy", readStrategy],
]);

/**
 * Reads Drover's own documents of a file and leaves documents of other kinds to the renderers. A document with a
 * mistake declares nothing, the others of the file do: a caller that had read it before keeps what it had.
 */
export function readDeclarations(repository: string, file: string, bytes: Uint8Array): Declarations {
  const { documents, problems: decoding } = decodeYaml(file, bytes);
  const problems = [...decoding];
  const declarations: Declaration[] = [];
  for (const document of documents) {
    if (!isDeclaration(document.value)) continue;
    const findings: Findings = { document, problems: [] };
    const declaration = readDeclaration(repository, findings);
    if (declaration !== undefined && findings.problems.length === 0) declarations.push(declaration);
    problems.push(...findings.problems.toSorted(byPlace));
  }
  return { declarations, problems };
}

/**
 * The same of a file of a snapshot. One that cannot be read is a warning: whether it matters is for the application to say
 * that is rendered from it.
 */
export async function readDeclaringFile(
  repository: string,
  snapshot: Pick<SnapshotFiles, "read">,
  file: string,
): Promise<Declarations> {
  try {
    const bytes = await snapshot.read(file);
    return mayDeclare(bytes) ? readDeclarations(repository, file, bytes) : nothing;
  } catch (cause) {
    const { code, message, at = { file, line: 1, column: 1 } } = DroverError.from(cause);
    return { declarations: [], problems: [{ code, severity: "warning", message, at }] };
  }
}

/** Of most files; one for all of them. */
const nothing: Declarations = { declarations: [], problems: [] };

/** Whether a document is Drover's own, whatever its version and kind. */
export function isDeclaration(value: unknown): boolean {
  return textAt(value, "apiVersion")?.startsWith(group) === true;
}

const groupBytes = new TextEncoder().encode(group);

/** Whether the file can hold a declaration: lets all others go unparsed. */
export function mayDeclare(bytes: Uint8Array): boolean {
  const [first = 0] = groupBytes;
  for (let start = bytes.indexOf(first); start !== -1; start = bytes.indexOf(first, start + 1)) {
    if (groupBytes.every((byte, index) => bytes[start + index] === byte)) return true;
  }
  return false;
}

function readDeclaration(repository: string, findings: Findings): Declaration | undefined {
  const { document, problems } = findings;
  if (!isRecord(document.value)) return undefined;
  const fields = new Fields(findings, [], document.value);
  const version = fields.text("apiVersion");
  if (version !== apiVersion) {
    problems.push(refuse(document, "apiVersion", `unknown version ${version ?? ""}`, `this hub reads ${apiVersion}`));
    return undefined;
  }
  const kind = fields.requiredText("kind");
  const readSpec = kinds.get(kind);
  if (readSpec === undefined) {
    if (kind !== "") {
      const hint = didYouMean(kind, kinds.keys()) ?? `there are ${[...kinds.keys()].join(", ")}`;
      problems.push(refuse(document, "kind", `unknown kind ${JSON.stringify(kind)}`, hint));
    }
    return undefined;
  }
  return readBody(readSpec, repository, fields);
}

/** Reads all but version and kind. */
export function readBody(readSpec: ReadSpec, repository: string, fields: Fields): Declaration {
  const metadata = fields.requiredMap("metadata");
  const name = metadata?.requiredText("name", nameRule) ?? "";
  const labels = metadata?.labels("labels") ?? {};
  metadata?.has("annotations");
  metadata?.finish();
  const declaration = readSpec({ name, labels, repository }, fields);
  fields.finish();
  return declaration;
}

function byPlace(a: Problem, b: Problem): number {
  if (a.at === undefined || b.at === undefined) return 0;
  return a.at.line - b.at.line || a.at.column - b.at.column;
}

function refuse(document: YamlDocument, key: "kind" | "apiVersion", message: string, hint: string): Problem {
  return {
    code: key === "kind" ? "unknown-kind" : "unknown-version",
    severity: "error",
    message,
    at: document.positionOf([key]),
    hint,
  };
}
