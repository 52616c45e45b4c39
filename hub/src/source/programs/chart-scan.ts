import { decodeYaml } from "@drover/shared/decode";
import { DroverError } from "@drover/shared/errors";
import { textAt } from "@drover/shared/json";

import {
  findLooks,
  findQuestions,
  looksAtNothing,
  mergeLooks,
  type Looks,
  type Question,
} from "../../core/render/looks.ts";
import { findTemplateFunctions, outerReferences } from "../../core/render/template-functions.ts";
import { readTgz } from "../published/tar.ts";
import { SizedCache } from "../sized-cache.ts";

/** What a look at the text of a chart's files tells, before anything is rendered. */
export interface Scan {
  /** Whether rendering twice may give two results. */
  readonly chance: boolean;
  /** Lines that ask the cluster. */
  readonly lookups: readonly number[];
  /** What a schema refers to outside itself. */
  readonly outer: readonly string[];
  readonly looks: Looks;
  /** What templates ask the list of APIs for. */
  readonly questions: readonly Question[];
}

/** `path` is from a chart's folder or from one of its sub-charts. */
export function scanFile(path: string, bytes: Uint8Array): Scan {
  const text = new TextDecoder("latin1").decode(bytes);
  const outer = /(?:^|\/)values\.schema\.json$/u.test(path) ? outerReferences(text) : [];
  const plain: Scan = { chance: false, lookups: [], outer, looks: looksAtNothing, questions: [] };
  // Any other file may be read and run as a template, but people do that to no documentation.
  if (/\.md$/iu.test(path)) return plain;
  const looks = findLooks(text);
  if (!text.includes("{{")) return { ...plain, looks };
  const { chance, lookups } = findTemplateFunctions(text);
  const isTemplate = /(?:^|\/)templates\//u.test(path) && !path.endsWith("/NOTES.txt");
  if (!isTemplate) return { ...plain, chance, looks };
  return { chance, lookups, outer, looks, questions: findQuestions(text) };
}

export interface Archive extends Scan {
  /** Of the chart in it; "" when there is none. */
  readonly name: string;
}

/** What all archives of one chart may unpack to. */
const maxUnpacked = 64 * 1024 * 1024;
const maxNesting = 8;
/** They seldom change, and unpacking takes longer than anything else here. */
const archives = new SizedCache<Archive>(1000);

/** Looks into a packed sub-chart; `key` is equal for equal content. Throws as `readTgz` does. */
export async function scanArchive(key: string, read: () => Promise<Uint8Array>): Promise<Archive> {
  const known = archives.get(key);
  if (known !== undefined) return known;
  const archive = await unpack(await read(), { bytes: maxUnpacked }, 0);
  archives.set(key, archive, 1);
  return archive;
}

async function unpack(packed: Uint8Array, budget: { bytes: number }, depth: number): Promise<Archive> {
  if (depth > maxNesting) throw new DroverError("document_invalid", "archives in archives are nested too deep");
  const files = await readTgz(packed, Math.max(budget.bytes, 1));
  for (const { bytes } of files) budget.bytes -= bytes.length;
  const scans: Scan[] = [];
  let name = "";
  for (const { path, bytes } of files) {
    if (/^[^/]+\/Chart\.yaml$/u.test(path)) name = chartName(bytes);
    if (isArchive(path)) scans.push(await unpack(bytes, budget, depth + 1));
    else scans.push(scanFile(path, bytes));
  }
  return { name, ...mergeScans(scans) };
}

/** What Helm unpacks. */
export function isArchive(path: string): boolean {
  return /(?:^|\/)charts\/[^/]+\.tgz$/u.test(path);
}

export function chartName(bytes: Uint8Array): string {
  return textAt(decodeYaml("Chart.yaml", bytes).documents[0]?.value, "name") ?? "";
}

export function mergeScans(scans: readonly Scan[]): Scan {
  return {
    chance: scans.some(({ chance }) => chance),
    lookups: scans.flatMap(({ lookups }) => lookups),
    outer: [...new Set(scans.flatMap(({ outer }) => outer))],
    looks: mergeLooks(scans.map(({ looks }) => looks)),
    questions: scans.flatMap(({ questions }) => questions),
  };
}
