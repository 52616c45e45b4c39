import { decodeYaml, defaultDecodeLimits } from "@drover/shared/decode";
import { DroverError } from "@drover/shared/errors";
import { isRecord, listAt, recordAt, textAt } from "@drover/shared/json";

/** One version of a chart, as the index of its repository has it. */
export interface IndexEntry {
  readonly version: string;
  /** Of the archive; "" where the index names none. Whatever stands there: it may be no digest. */
  readonly digest: string;
  /** The archive's address, from the folder of the index where it is no whole one. */
  readonly url: string;
}

/** One chart's part of an index; those with the most versions have about 3 MiB. */
const limits = { ...defaultDecodeLimits, maxBytes: 16 * 1024 * 1024, maxNodes: 2_000_000 };

/**
 * The versions of a chart in the text of an `index.yaml`; empty when it has none of that name. An index is tens of MiB of
 * which one chart is wanted, so that only its lines are read as YAML. Throws `document_invalid`.
 */
export function readChartIndex(text: string, chart: string): readonly IndexEntry[] {
  const trimmed = text.trimStart();
  const isJson = trimmed.startsWith("{");
  if (!isJson && !/^entries:/mu.test(text)) throw new DroverError("document_invalid", "this is no index of charts");
  const versions = isJson ? listAt(parseJson(trimmed), "entries", chart) : listAt(decodeBlock(text, chart), chart);
  return versions.flatMap((version) => {
    if (!isRecord(version) || version["removed"] === true) return [];
    const url = listAt(version, "urls").find((one) => typeof one === "string");
    const number = textAt(version, "version");
    if (url === undefined || number === undefined) return [];
    const written = version["digest"] ?? "";
    const digest = (typeof written === "string" ? written : JSON.stringify(written)).replace(
      /^(?=[0-9a-f]{64}$)/u,
      "sha256:",
    );
    return [{ version: number, digest, url }];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DroverError("document_invalid", "the index of charts is no JSON", { cause });
  }
}

/** `chart: [versions]`, from the lines that the key is above. */
function decodeBlock(text: string, chart: string): unknown {
  const block = findBlock(text, chart);
  if (block === undefined) return {};
  const { documents, problems } = decodeYaml("index.yaml", new TextEncoder().encode(block), limits);
  const [problem] = problems;
  if (problem !== undefined) {
    throw new DroverError("document_invalid", `the index of charts cannot be read at ${chart}: ${problem.message}`);
  }
  return recordAt(documents[0]?.value) ?? {};
}

function findBlock(text: string, chart: string): string | undefined {
  const entries = /^entries:[ \t]*\r?\n/mu.exec(text);
  if (entries === null) return undefined;
  const name = chart.replaceAll(/[.]/gu, String.raw`\.`);
  const key = new RegExp(String.raw`^(?<indent> +)["']?${name}["']?:[ \t]*\r?\n`, "gmu");
  key.lastIndex = entries.index + entries[0].length;
  const indent = /^ +/u.exec(text.slice(key.lastIndex, key.lastIndex + 20))?.[0];
  for (let found = key.exec(text); found !== null; found = key.exec(text)) {
    if (found.groups?.["indent"] !== indent) continue;
    // Up to the next key that stands as deep or less; items of the list itself may stand as deep.
    const end = new RegExp(String.raw`^ {0,${indent?.length ?? 0}}[^\s#-]`, "gmu");
    end.lastIndex = key.lastIndex;
    return text.slice(found.index, end.exec(text)?.index ?? text.length);
  }
  return undefined;
}
