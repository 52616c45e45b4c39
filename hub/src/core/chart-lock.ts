import { canonicalJson, digestOf, type Digest } from "@drover/shared/digest";
import { at, isRecord, listAt, textAt } from "@drover/shared/json";

import type { ChartRepository } from "./chart-repositories.ts";
import { withoutSlash, type PackageRef } from "./package.ts";
import { isVersion } from "./version-range.ts";

/** Files of a chart that name its dependencies, and what locks them; the second pair is of charts of the first generation. */
export const dependencyFiles = { "Chart.yaml": "Chart.lock", "requirements.yaml": "requirements.lock" } as const;

export type DependencyFile = keyof typeof dependencyFiles;

/** The archive of a dependency, which is to be fetched and stay the same. */
export interface LockedChart {
  readonly ref: PackageRef & { readonly locked: { readonly digest: Digest } };
  /** In the folder `charts`. */
  readonly file: string;
}

/** Why a dependency cannot be fetched, and what to do. */
export interface LockFault {
  readonly message: string;
  readonly hint: string;
}

export interface ChartOfLock {
  /** What is in `file`. */
  readonly chart: unknown;
  readonly file: DependencyFile;
  /** What is in the lock; undefined = there is none. */
  readonly lock: unknown;
  readonly repositories: readonly ChartRepository[];
}

const update = "run helm dependency update and commit the lock";
/** A look at what is here asks nobody. */
const intervalMs = 60_000;

/**
 * What to fetch for the dependency of that index, as `helm dependency build` would: from a repository that is declared, in
 * the version that the lock names, and only while the lock fits what the chart asks for.
 */
export function lockedChart({ chart, file, lock, repositories }: ChartOfLock, index: number): LockedChart | LockFault {
  const dependencies = listAt(chart, "dependencies");
  const name = textOf(dependencies[index], "name");
  const address = textOf(dependencies[index], "repository");
  if (address === "")
    return { message: `${name} is not in charts/ and names no repository`, hint: "add it to charts/" };
  const lockFile = dependencyFiles[file];
  const declared = findRepository(address, repositories);
  if (declared === undefined) return undeclared(name, address);
  if (lock === undefined)
    return { message: `there is no ${lockFile}, which says the version of ${name}`, hint: update };
  if (!fits({ chart, file, lock, repositories })) {
    return { message: `${lockFile} is out of sync with ${file}, as helm dependency build has it`, hint: update };
  }
  const locked = listAt(lock, "dependencies")[index];
  const version = textOf(locked, "version");
  if (textOf(locked, "name") !== name || !isVersion(version)) {
    return { message: `${lockFile} names no version of ${name}`, hint: update };
  }
  const archive = `${name}-${version}`;
  const digest = Object.hasOwn(declared.digests, archive) ? (declared.digests[archive] ?? "") : "";
  const { url: repository, credential } = declared;
  const choice = { version, tag: "", digest: "" };
  const ref = { kind: "chart", repository, name, ...choice, credential, intervalMs, locked: { digest } } as const;
  return { ref, file: `${archive}.tgz` };
}

function undeclared(name: string, address: string): LockFault {
  const alias = aliasOf(address);
  const url = alias === undefined ? withoutSlash(address) : "https://…";
  const known = alias === undefined ? "" : `, name: ${alias}`;
  return {
    message: `${name} is not in charts/, and its repository ${address} is not declared`,
    hint: `write repositories: [{ url: ${JSON.stringify(url)}${known} }] into spec.helm of the application, or run helm dependency update and commit charts/`,
  };
}

function findRepository(address: string, repositories: readonly ChartRepository[]): ChartRepository | undefined {
  const alias = aliasOf(address);
  return repositories.find(({ name, url }) => (alias === undefined ? url === withoutSlash(address) : name === alias));
}

function aliasOf(address: string): string | undefined {
  return /^(?:@|alias:)(?<name>.+)$/u.exec(address)?.groups?.["name"];
}

/** Whether the lock was made for these dependencies: Helm's digest over what is asked for and what is locked. */
function fits({ chart, file, lock, repositories }: ChartOfLock): boolean {
  const [asked, locked] = [listAt(chart, "dependencies"), listAt(lock, "dependencies")];
  const written = textAt(lock, "digest") ?? "";
  // Helm puts the address in the place of an alias, as it was added to Helm: with a slash at its end or without.
  const resolved = asked.map((dependency, index) => {
    const declared = findRepository(textOf(dependency, "repository"), repositories);
    const inLock = textOf(locked[index], "repository");
    const isAlias = aliasOf(textOf(dependency, "repository")) !== undefined;
    return isAlias && declared?.url === withoutSlash(inLock)
      ? goDependency(dependency, inLock)
      : goDependency(dependency);
  });
  const of = (list: readonly string[]): string => `[${list.join(",")}]`;
  if (written === digestOf(of([of(resolved), of(locked.map((one) => goDependency(one)))]))) return true;
  // As Helm 2 made them.
  const plain = of(asked.map((one) => goDependency(one)));
  return file === "requirements.yaml" && written === digestOf(`{"dependencies":${plain}}`);
}

/** As Go writes Helm's `Dependency` as JSON: in the order of its fields, and without most of what is empty. */
function goDependency(dependency: unknown, repository = textOf(dependency, "repository")): string {
  const field = (key: string): readonly (readonly [string, unknown])[] => {
    const value = at(dependency, key) ?? "";
    const isEmpty = value === "" || value === false || (Array.isArray(value) && value.length === 0);
    return isEmpty ? [] : [[key, typeof value === "object" || key === "enabled" ? value : textOf(dependency, key)]];
  };
  const fields: readonly (readonly [string, unknown])[] = [
    ["name", textOf(dependency, "name")],
    ...field("version"),
    ["repository", repository],
    ...["condition", "tags", "enabled", "import-values", "alias"].flatMap(field),
  ];
  return `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${goJson(value)}`).join(",")}}`;
}

function goJson(value: unknown): string {
  return canonicalJson(value).replaceAll(
    /[<>&\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Helm takes numbers for texts where it wants texts. */
function textOf(value: unknown, key: string): string {
  const found = isRecord(value) ? value[key] : undefined;
  if (typeof found === "string") return found;
  return typeof found === "number" || typeof found === "boolean" ? String(found) : "";
}
