import { DroverError } from "@drover/shared/errors";

export interface TargetName {
  readonly app: string;
  readonly cluster: string;
}

/** `app@cluster`. Throws `usage`. */
export function parseTargetName(text: string): TargetName {
  const at = text.indexOf("@");
  const target = { app: text.slice(0, Math.max(at, 0)), cluster: text.slice(at + 1) };
  if (at > 0 && target.cluster !== "") return target;
  throw new DroverError("usage", `"${text}" is not a target`, {
    hint: "write app@cluster; all there are: drover get targets -o name",
  });
}

/** `env=prod`, several with commas. Throws `usage`. */
export function parseLabels(texts: readonly string[]): Readonly<Record<string, string>> {
  const changes = parseLabelChanges(texts.flatMap((text) => text.split(",")));
  const kept = Object.entries(changes).map(([key, value]) => {
    if (value === null) throw new DroverError("usage", `"${key}-" removes a label, there is none yet`);
    return [key, value] as const;
  });
  return Object.fromEntries(kept);
}

/** `env=prod` sets, `env-` removes, as in kubectl. Throws `usage`. */
export function parseLabelChanges(texts: readonly string[]): Readonly<Record<string, string | null>> {
  const entries = texts.map((text) => {
    const equals = text.indexOf("=");
    if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)] as const;
    if (equals < 0 && text.endsWith("-") && text.length > 1) return [text.slice(0, -1), null] as const;
    throw new DroverError("usage", `"${text}" is not a label`, { hint: "write env=prod to set, env- to remove" });
  });
  return Object.fromEntries(entries);
}

export function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}
