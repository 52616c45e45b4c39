import { at, numberAt, recordAt, type JsonRecord } from "@drover/shared/json";
import { parse, parseAllDocuments } from "yaml";

/** What decides which foreign code runs: here, in the tests, and in what is shipped (T35). */
export interface SupplyChain {
  /** Text of `pnpm-lock.yaml`. */
  readonly lockfile: string;
  /** Text of `pnpm-workspace.yaml`. */
  readonly settings: string;
  readonly packages: readonly OwnPackage[];
  readonly installed: readonly InstalledPackage[];
  /** Names of the files in the root. */
  readonly files: readonly string[];
}

/** A package of this workspace. */
export interface OwnPackage {
  /** From the root; "." = the root itself. */
  readonly folder: string;
  /** Its `package.json`. */
  readonly manifest: JsonRecord;
  readonly readme: string;
}

/** A package as it lies in `node_modules`. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** Its `package.json`. */
  readonly manifest: JsonRecord;
  /** It has a `binding.gyp`, which is compiled where no script says otherwise. */
  readonly isNative: boolean;
}

/** Every name of more is one more account that can be taken over. */
const maxDirectDependencies = 40;
/** Minutes. Nearly all malicious versions of the last years were withdrawn within hours. */
const minReleaseAge = 7 * 24 * 60;

/** Whatever is wrong, one sentence each. None = nothing gets in that nobody has looked at. */
export function supplyChainProblems(chain: SupplyChain): readonly string[] {
  const documents = parseAllDocuments(chain.lockfile);
  const isReadable = documents.length === 1 && documents.every(({ errors }) => errors.length === 0);
  if (!isReadable) return ["pnpm-lock.yaml: it is not one document of YAML without faults"];
  const lockfile: unknown = documents[0]?.toJS();
  const settings: unknown = parse(chain.settings);
  return [
    ...lockfileProblems(lockfile),
    ...settingsProblems(settings, chain.files),
    ...scriptProblems(entriesAt(settings, "allowBuilds"), entriesAt(lockfile, "packages"), chain.installed),
    ...chain.packages.flatMap(specifierProblems),
    ...directProblems(chain.packages),
    ...chain.packages.flatMap(reasonProblems),
  ];
}

/** Anything else in the lockfile changes what is installed in a way that these checks do not know. */
const lockfileParts = new Set([
  "lockfileVersion",
  "settings",
  "catalogs",
  "overrides",
  "packageExtensionsChecksum",
  "importers",
  "packages",
  "snapshots",
]);
const released = /^(?:@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(?:[-+][\w.+-]+)?(?:\(.*\))?$/u;

/** Every package is a release of the configured registry, fixed by the digest of its content. */
function lockfileProblems(lockfile: unknown): readonly string[] {
  const say = (what: string): string => `pnpm-lock.yaml: ${what}`;
  const packages = entriesAt(lockfile, "packages");
  const keys = [...packages, ...entriesAt(lockfile, "snapshots")].map(([key]) => key);
  return [
    ...entriesAt(lockfile)
      .filter(([part]) => !lockfileParts.has(part))
      .map(([part]) => say(`what is ${part}?`)),
    ...[...new Set(keys)]
      .filter((key) => !released.test(key))
      .map((key) => say(`${key} is no release of the registry`)),
    ...packages.flatMap(([key, entry]) => resolutionProblems(key, recordAt(entry, "resolution")).map(say)),
  ];
}

/** A tarball's address, a Git commit or a folder would stand beside the integrity, or in its place. */
function resolutionProblems(key: string, resolution: JsonRecord = {}): readonly string[] {
  const { integrity, ...elsewhere } = resolution;
  const places = Object.keys(elsewhere);
  if (places.length > 0) return [`${key} comes from elsewhere than the registry: ${places.join(", ")}`];
  const isFixed = typeof integrity === "string" && /^sha512-[A-Za-z0-9+/]{86}==$/u.test(integrity);
  return isFixed ? [] : [`${key} has no sha512 integrity`];
}

/** Others could name registries, trust what nobody checked, or run scripts and hooks. */
const knownSettings = new Set([
  "packages",
  "catalogMode",
  "catalog",
  "allowBuilds",
  "overrides",
  "packageExtensions",
  "pmOnFail",
  "minimumReleaseAge",
]);

function settingsProblems(settings: unknown, files: readonly string[]): readonly string[] {
  const say = (what: string): string => `pnpm-workspace.yaml: ${what}`;
  const isYoung = (numberAt(settings, "minimumReleaseAge") ?? 0) < minReleaseAge;
  return [
    ...entriesAt(settings)
      .filter(([name]) => !knownSettings.has(name))
      .map(([name]) => say(`what does ${name} let in?`)),
    ...(isYoung ? [say(`minimumReleaseAge is less than ${minReleaseAge} minutes`)] : []),
    ...entriesAt(settings, "catalog")
      .filter(([, version]) => typeof version !== "string" || !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/u.test(version))
      .map(([name]) => say(`the catalog has no exact version of ${name}`)),
    ...files
      .filter((file) => file === ".npmrc" || file.startsWith(".pnpmfile."))
      .map((file) => `${file}: it changes what an install does, and these checks do not read it`),
  ];
}

const installScripts = ["preinstall", "install", "postinstall"];

/** What would run at an install is on the list, and the list lets nothing run. */
function scriptProblems(listed: Entries, locked: Entries, installed: readonly InstalledPackage[]): readonly string[] {
  const say = (what: string): string => `pnpm-workspace.yaml: ${what}`;
  const names = new Set(listed.map(([name]) => name));
  const needed = new Set(locked.map(([key]) => key.replace(/@[^@]*$/u, "")));
  return [
    ...installed
      .filter((one) => hasInstallScript(one) && !names.has(one.name))
      .map(({ name, version }) => say(`${name} ${version} has an install script and is not in allowBuilds`)),
    ...listed
      .filter(([, allowed]) => allowed !== false)
      .map(([name]) => say(`allowBuilds lets ${name} run its install script`)),
    ...[...names]
      .filter((name) => !needed.has(name))
      .map((name) => say(`allowBuilds names ${name}, which nothing needs`)),
  ];
}

function hasInstallScript({ manifest, isNative }: InstalledPackage): boolean {
  return isNative || installScripts.some((script) => at(manifest, "scripts", script) !== undefined);
}

const groups = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

function dependenciesOf({ manifest }: OwnPackage): Entries {
  return groups.flatMap((group) => entriesAt(manifest, group));
}

/** What the package takes from elsewhere than this workspace. */
function foreignOf(own: OwnPackage): readonly string[] {
  return dependenciesOf(own).flatMap(([name, specifier]) => (specifier === "workspace:*" ? [] : [name]));
}

/** Versions are in the catalog alone, so that no package brings another one, or an address. */
function specifierProblems(own: OwnPackage): readonly string[] {
  return dependenciesOf(own)
    .filter(([, specifier]) => specifier !== "catalog:" && specifier !== "workspace:*")
    .map(([name, specifier]) => `${own.folder}/package.json: ${name} is ${String(specifier)} and not catalog:`);
}

function directProblems(packages: readonly OwnPackage[]): readonly string[] {
  const direct = new Set(packages.flatMap(foreignOf));
  if (direct.size <= maxDirectDependencies) return [];
  return [`${direct.size} direct dependencies are more than ${maxDirectDependencies}`];
}

/** Each direct dependency has its line, and each line its dependency. */
function reasonProblems(own: OwnPackage): readonly string[] {
  const reasons = reasonsIn(own.readme);
  const foreign = foreignOf(own);
  const all = dependenciesOf(own).map(([name]) => name);
  const say = (what: string): string => `${own.folder}/README.md: ${what}`;
  return [
    ...foreign.filter((name) => (reasons.get(name) ?? "") === "").map((name) => say(`no reason is given for ${name}`)),
    ...[...reasons.keys()].filter((name) => !all.includes(name)).map((name) => say(`${name} is no dependency`)),
  ];
}

const row = /^\| (?<names>[^|]*`[^|]*) \| (?<reason>[^|]*) \|$/u;
const item = /^- (?<names>`[^:]*): (?<reason>.*)$/u;

/** From the rows and items below the heading `Dependencies`: reasons by names, which are in backticks. */
function reasonsIn(readme: string): ReadonlyMap<string, string> {
  const section = /^#+ Dependencies$(?<lines>[^]*?)(?=^#|(?![^]))/mu.exec(readme)?.groups?.["lines"] ?? "";
  return new Map(
    section.split("\n").flatMap((line) => {
      const { names = "", reason = "" } = (row.exec(line) ?? item.exec(line))?.groups ?? {};
      return [...names.matchAll(/`(?<name>[^`]+)`/gu)].map(
        ({ groups }) => [groups?.["name"] ?? "", reason.trim()] as const,
      );
    }),
  );
}

type Entries = readonly (readonly [name: string, value: unknown])[];

function entriesAt(value: unknown, ...path: readonly string[]): Entries {
  return Object.entries(recordAt(value, ...path) ?? {});
}
