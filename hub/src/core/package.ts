import type { Digest } from "@drover/shared/digest";

import { nameRule, type Fields } from "./fields.ts";
import { joinPath } from "./repository-path.ts";
import { isRange, isVersion } from "./version-range.ts";

/** Something published outside of Git that an application names as its source. */
export interface PackageRef {
  readonly kind: "chart" | "artifact";
  /** Without a slash at the end: `https://charts.example.org`, or `oci://registry.example.org/charts`. */
  readonly repository: string;
  /** The chart's; of an artifact the last part of its repository. The folder that its files are in when they are read. */
  readonly name: string;
  /** Exactly one of these three is not "". A version or a range of versions: `6.5.1`, `6.x`. */
  readonly version: string;
  readonly tag: string;
  readonly digest: string;
  /** By its name on the hub; "" = none. */
  readonly credential: string;
  /** How often is looked what it names now. */
  readonly intervalMs: number;
  /** Of a dependency of a chart: the archive is to stay the same, so that one that is here is not looked for again. */
  readonly locked?: {
    /** That Git gives to the archive; "" = the one that was fetched first. */
    readonly digest: Digest;
  };
}

export interface PackageSource {
  readonly package: PackageRef;
  /** Of the application, in the package's files. */
  readonly path: string;
}

const defaultIntervalMs = 300_000;
const intervals = { minMs: 1_000, maxMs: 86_400_000 };
const chartName = { pattern: /^[A-Za-z0-9][-._A-Za-z0-9]{0,249}$/u, rule: "the name of a chart" };
const tagRule = { pattern: /^\w[-.\w]{0,127}$/u, rule: "a tag: up to 128 letters, digits, -_." };
export const digestRule = { pattern: /^sha256:[0-9a-f]{64}$/u, rule: "sha256: and 64 lower-case hex digits" };
// The distribution specification's rule for names; no user, query or fragment: what is secret has its place on the hub.
const ociRepository = /^oci:\/\/[-.A-Za-z0-9[\]:]+(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+\/?$/u;
const httpRepository = /^https?:\/\/[-.A-Za-z0-9[\]:]+(?:\/[^\s?#@\\]*)?$/u;

/** `source.chart`. */
export function readChart(fields: Fields): PackageSource {
  const repository = readChartRepository(fields, "repository");
  const name = fields.requiredText("name", chartName);
  const isOci = repository.startsWith("oci://");
  const choice = readChoice(fields, isOci ? ["version", "digest"] : ["version"]);
  const ref: PackageRef = { kind: "chart", repository, name, ...choice, ...readCommon(fields) };
  fields.finish();
  return { package: ref, path: name };
}

/** `source.artifact`. */
export function readArtifact(fields: Fields): PackageSource {
  const isKnown = (text: string): boolean => ociRepository.test(text);
  const repository = readAddress(fields, "repository", { isKnown, rule: "oci://registry/path" });
  const name = repository.slice(repository.lastIndexOf("/") + 1);
  const choice = readChoice(fields, ["tag", "version", "digest"]);
  const path = joinPath(name, fields.text("path") ?? "");
  if (path === undefined || !`${path}/`.startsWith(`${name}/`)) fields.wrong("path", "leads out of the artifact");
  const ref: PackageRef = { kind: "artifact", repository, name, ...choice, ...readCommon(fields) };
  fields.finish();
  return { package: ref, path: path ?? name };
}

/** The address of a repository of charts, without a slash at the end. */
export function readChartRepository(fields: Fields, key: string): string {
  const isKnown = (text: string): boolean => ociRepository.test(text) || httpRepository.test(text);
  return readAddress(fields, key, { isKnown, rule: "an address: https://…, or oci://registry/path" });
}

function readAddress(
  fields: Fields,
  key: string,
  { isKnown, rule }: { readonly isKnown: (text: string) => boolean; readonly rule: string },
): string {
  const text = fields.requiredText(key);
  if (!isKnown(text) && text !== "") {
    const hint = text.includes("@") ? "a user name and a password belong to a credential" : undefined;
    fields.wrong(key, `has to be ${rule}`, hint);
  }
  return withoutSlash(text);
}

/** Helm takes addresses with and without a slash at the end for the same. */
export function withoutSlash(address: string): string {
  return address.replace(/\/+$/u, "");
}

type Choice = Pick<PackageRef, "version" | "tag" | "digest">;

function readChoice(fields: Fields, allowed: readonly (keyof Choice)[]): Choice {
  const given = allowed.filter((key) => fields.has(key));
  if (given.length === 0) fields.missing(allowed[0] ?? "version", `name the ${allowed.join(" or the ")}`);
  const [first, second] = given;
  if (second !== undefined) fields.wrong(second, `cannot stand beside ${first}`, "name one of them");
  return {
    version: given.includes("version") ? readVersion(fields) : "",
    tag: given.includes("tag") ? (fields.text("tag", tagRule) ?? "") : "",
    digest: given.includes("digest") ? (fields.text("digest", digestRule) ?? "") : "",
  };
}

function readVersion(fields: Fields): string {
  const version = fields.text("version");
  if (version === "") fields.wrong("version", "is empty", 'write "*" for the newest');
  else if (version !== undefined && !isVersion(version) && !isRange(version)) {
    fields.wrong("version", "has to be a version or a range", 'write 6.5.1, "6.x" or ">=6.0.0 <7"');
  }
  return version ?? "";
}

function readCommon(fields: Fields): Pick<PackageRef, "credential" | "intervalMs"> {
  return {
    credential: fields.text("credential", nameRule) ?? "",
    intervalMs: fields.duration("interval", intervals) ?? defaultIntervalMs,
  };
}

/** Equal for references that are looked up in the same way: all but their interval. */
export function packageKey({ kind, repository, name, credential, tag, digest, version, locked }: PackageRef): string {
  // Only a range may hold spaces.
  const key = [kind, repository, name, credential, tag, digest, version].join(" ");
  return locked === undefined ? key : `locked ${locked.digest} ${key}`;
}

/** Without what is chosen of it: `oci://registry.example.org/charts/podinfo`. */
export function formatPackage({ kind, repository, name }: PackageRef): string {
  return kind === "chart" ? `${repository}/${name}` : repository;
}

/** What is chosen of it, for people: `version 6.x`, `tag v1`. */
export function formatChoice({ version, tag, digest }: PackageRef): string {
  if (digest !== "") return digest;
  return tag === "" ? `version ${version}` : `tag ${tag}`;
}

/** Whether what it names is the same tomorrow, as far as a version is: one is published again seldom, a tag often. */
export function isPinned({ version, digest }: PackageRef): boolean {
  return digest !== "" || isVersion(version);
}
