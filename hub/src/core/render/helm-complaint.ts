import type { Position } from "@drover/shared/errors";
import type { Problem } from "@drover/shared/problems";

export interface ComplaintPlaces {
  /** The repository's path of what Helm calls `chart/templates/x.yaml`; of the chart when there is no such file. */
  readonly fileOf: (name: string) => string;
  /** Chart.yaml, for what has no better place. */
  readonly chart: string;
}

const maxMessage = 500;
const yamlNoise = /^(?:cannot unmarshal yaml document: )?(?:error converting YAML to JSON: )?(?:yaml: )?/u;
const anyPlace = /([^\s"'():]+\/(?:templates|charts)\/[^\s"'():]+):(\d+)(?::(\d+))?/gu;

/** What Helm said on stderr as a problem at its place in the repository. */
export function explainHelm(complaint: string, places: ComplaintPlaces): Problem {
  const text = withoutNoise(complaint);
  const problem =
    explainVersion(text, places) ??
    explainSchema(text, places) ??
    explainYaml(text, places) ??
    explainTemplate(text, places);
  if (problem !== undefined) return problem;
  const message = /\bgoroutine \d+ /u.test(text) ? "helm crashed" : tidy(text) || "helm failed without a word";
  return failed(message, start(places.chart));
}

function withoutNoise(complaint: string): string {
  return complaint
    .split("\n")
    .filter((line) => !/^(?:level=|time=|walk\.go:|WARNING|Use --debug|\d{4}\/\d\d\/\d\d )/u.test(line))
    .join("\n")
    .replace(/^Error: /u, "")
    .trim();
}

function explainVersion(text: string, { chart }: ComplaintPlaces): Problem | undefined {
  if (!/^chart requires kubeVersion: .* which is incompatible with Kubernetes /u.test(text)) return undefined;
  return { code: "helm-kube-version", severity: "error", message: tidy(text), at: start(chart) };
}

function explainSchema(text: string, { chart }: ComplaintPlaces): Problem | undefined {
  const list = /^values don't meet the specifications of the schema\(s\)[^\n]*:\n(.*)$/su.exec(text)?.[1];
  if (list === undefined) return undefined;
  const faults = list.replaceAll(/:\n- /gu, ": ").replaceAll(/\n- /gu, "; ");
  const message = tidy(`the values do not fit the schema of the chart ${faults}`);
  return { code: "helm-schema", severity: "error", message, at: start(chart) };
}

/** A file that is no YAML: of values, or what a template came to. */
function explainYaml(text: string, { fileOf }: ComplaintPlaces): Problem | undefined {
  const rendered = /YAML parse error on ([^\s:]+): (.*)$/su.exec(text);
  if (rendered?.[1] !== undefined) {
    const why = (rendered[2] ?? "").replace(yamlNoise, "");
    return failed(`renders no valid YAML: ${tidy(why)}`, start(fileOf(rendered[1])), "the line is one of the output");
  }
  const read = /(?:failed to parse|cannot load) (\S+): (.*)$/su.exec(text);
  if (read?.[1] === undefined) return undefined;
  const why = (read[2] ?? "").replace(yamlNoise, "");
  const line = /^line (\d+): /u.exec(why);
  const charts = [...text.matchAll(/unpacking subchart (\S+) in /gu)].map(([, name]) => `charts/${name ?? ""}/`);
  const file = fileOf(charts.length === 0 ? read[1] : `chart/${charts.join("")}${read[1]}`);
  return failed(tidy(why.slice(line?.[0].length ?? 0)), { ...start(file), line: Number(line?.[1] ?? 1) });
}

/** The innermost place of a template is where the fault is. */
function explainTemplate(text: string, { fileOf }: ComplaintPlaces): Problem | undefined {
  const place = [...text.matchAll(anyPlace)].at(-1);
  const [whole, name] = place ?? [];
  if (place === undefined || whole === undefined || name === undefined) return undefined;
  const message = text
    .slice(place.index + whole.length)
    .replace(/^\)?:?\s*/u, "")
    .replaceAll(/(?:template: gotpl:\d+:\d+: )?executing "[^"]*" at /gu, "")
    // It repeats the text, which may be all of the values.
    .replaceAll(/<[^<>]*>: error calling tpl: error during tpl function execution for "(?:[^"\\]|\\.)*":\s*/gu, "");
  // Helm counts columns from 0.
  const at = { file: fileOf(name), line: Number(place[2]), column: Number(place[3] ?? 0) + 1 };
  return failed(tidy(message) || "the template fails", at);
}

/** One line that shows no value: it may be a password. */
function tidy(text: string): string {
  const line = text
    .replaceAll(/'(?:[^'\\]|\\.)*' (does not match|is not valid)/gu, "what is there $1")
    .replaceAll(/\b(parsing(?: time)?|cannot parse) "(?:[^"\\]|\\.)*"/gu, "$1 a value")
    .replaceAll(/`[^`]*`/gu, "a value")
    .replaceAll(/\s+/gu, " ")
    .trim()
    .replace(/\.$/u, "");
  return line.length > maxMessage ? `${line.slice(0, maxMessage)}…` : line;
}

function start(file: string): Position {
  return { file, line: 1, column: 1 };
}

function failed(message: string, at: Position, hint?: string): Problem {
  return { code: "helm-failed", severity: "error", message, at, ...(hint === undefined ? {} : { hint }) };
}
