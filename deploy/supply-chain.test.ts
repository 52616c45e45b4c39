import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { JsonRecord } from "@drover/shared/json";
import { afterAll, describe, expect, it, test } from "vitest";
import { parse, stringify } from "yaml";

import { readSupplyChain } from "./read-supply-chain.ts";
import { supplyChainProblems, type OwnPackage, type SupplyChain } from "./supply-chain.ts";

const digest = `sha512-${"A".repeat(86)}==`;
const lockfile = {
  lockfileVersion: "9.0",
  importers: { ".": { dependencies: { pino: { specifier: "catalog:", version: "10.4.0" } } } },
  packages: {
    "pino@10.4.0": { resolution: { integrity: digest } },
    "@scope/native@1.2.3-rc.1": { resolution: { integrity: digest }, os: ["linux"] },
  },
  snapshots: { "pino@10.4.0(typescript@7.0.2)": { dependencies: { "@scope/native": "1.2.3-rc.1" } } },
};
const settings = {
  packages: ["hub"],
  catalog: { pino: "10.4.0" },
  allowBuilds: { "@scope/native": false },
  minimumReleaseAge: 10_080,
};
const own: OwnPackage = {
  folder: "hub",
  manifest: { dependencies: { pino: "catalog:", "@drover/shared": "workspace:*" } },
  readme:
    "# Hub\n\n## Dependencies\n\n| package | why |\n|---|---|\n| `pino` | logs |\n\n## Else\n\n- `ls`: a command\n",
};
const good: SupplyChain = {
  lockfile: stringify(lockfile),
  settings: stringify(settings),
  packages: [own],
  installed: [
    { name: "pino", version: "10.4.0", manifest: { scripts: { test: "tap" } }, isNative: false },
    { name: "@scope/native", version: "1.2.3-rc.1", manifest: { scripts: { install: "node-gyp" } }, isNative: true },
  ],
  files: ["package.json", ".gitignore"],
};

/** The lockfile with one more package, or another entry of one. */
const locked = (key: string, resolution: object | undefined): SupplyChain => ({
  ...good,
  lockfile: stringify({ ...lockfile, packages: { ...lockfile.packages, [key]: { resolution } } }),
});
const set = (changed: object): SupplyChain => ({ ...good, settings: stringify({ ...settings, ...changed }) });
const having = (manifest: JsonRecord, readme = own.readme): SupplyChain => ({
  ...good,
  packages: [{ ...own, manifest, readme }],
});
const installing = (manifest: JsonRecord, isNative = false): SupplyChain => ({
  ...good,
  installed: [...good.installed, { name: "evil", version: "1.0.0", manifest, isNative }],
});
const named = (count: number): JsonRecord => ({
  dependencies: Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, "catalog:"])),
});
const reasons = (count: number): string =>
  `## Dependencies\n\n${Array.from({ length: count }, (_, index) => `- \`p${index}\`: needed`).join("\n")}\n`;

test("T35: a supply chain of releases with digests, reasons and no scripts has no problem", () => {
  expect(supplyChainProblems(good)).toEqual([]);
  expect(supplyChainProblems(having(named(40), reasons(40)))).toEqual([]);
});

const address = "https://files.example/evil-1.0.0.tgz";
describe("T35: a package of the lockfile is refused", () => {
  it.each<[string, SupplyChain, RegExp]>([
    ["from another host", locked("evil@1.0.0", { integrity: digest, tarball: address }), /elsewhere .*: tarball/u],
    [
      "from another host, under a name that is known",
      locked("pino@10.4.0", { integrity: digest, tarball: address }),
      /pino@10\.4\.0 comes from elsewhere/u,
    ],
    [
      "from Git",
      locked("evil@1.0.0", { type: "git", repo: "ssh://git.example/evil", commit: "0".repeat(40) }),
      /elsewhere .*: type, repo, commit/u,
    ],
    ["from a folder", locked("evil@1.0.0", { type: "directory", directory: "../evil" }), /elsewhere/u],
    ["whose name is an address", locked(`evil@${address}`, { integrity: digest }), /is no release of the registry/u],
    ["whose name is a folder", locked("evil@file:../evil", { integrity: digest }), /is no release of the registry/u],
    ["without integrity", locked("evil@1.0.0", {}), /evil@1\.0\.0 has no sha512 integrity/u],
    ["without a resolution", locked("evil@1.0.0", undefined), /evil@1\.0\.0 has no sha512 integrity/u],
    ["with a weak digest", locked("evil@1.0.0", { integrity: `sha1-${"A".repeat(27)}=` }), /has no sha512 integrity/u],
    [
      "with several digests, of which the weakest counts",
      locked("evil@1.0.0", { integrity: `sha1-AA== ${digest}` }),
      /has no sha512/u,
    ],
    [
      "that only a snapshot names",
      { ...good, lockfile: stringify({ ...lockfile, snapshots: { [`evil@${address}`]: {} } }) },
      /no release/u,
    ],
    ["in a second document", { ...good, lockfile: `${good.lockfile}---\npackages: {}\n` }, /not one document/u],
    [
      "that is there twice",
      { ...good, lockfile: good.lockfile.replace(/^ {2}pino@10.4.0:$/mu, "$&\n    os: [linux]\n$&") },
      /not one document/u,
    ],
    [
      "beside hooks of the install",
      { ...good, lockfile: stringify({ ...lockfile, pnpmfileChecksum: "x" }) },
      /what is pnpmfileChecksum/u,
    ],
  ])("%s", (_, chain, problem) => {
    expect(supplyChainProblems(chain)).toEqual([expect.stringMatching(problem)]);
  });
});

describe("T35: an install script is refused", () => {
  it.each<[string, SupplyChain, RegExp]>([
    [
      "that is not on the list",
      installing({ scripts: { postinstall: "node x.js" } }),
      /evil 1\.0\.0 has an install script/u,
    ],
    ["that runs before the others", installing({ scripts: { preinstall: "node x.js" } }), /evil 1\.0\.0 has/u],
    ["that is not written, but is the default for native code", installing({}, true), /evil 1\.0\.0 has/u],
    ["that the list lets run", set({ allowBuilds: { "@scope/native": true } }), /lets @scope\/native run/u],
    [
      "whose package is gone from what is locked",
      set({ allowBuilds: { "@scope/native": false, gone: false } }),
      /names gone/u,
    ],
  ])("%s", (_, chain, problem) => {
    expect(supplyChainProblems(chain)).toEqual([expect.stringMatching(problem)]);
  });
});

describe("T35: a setting is refused", () => {
  it.each<[string, SupplyChain, RegExp]>([
    ["that runs all scripts", set({ dangerouslyAllowAllBuilds: true }), /dangerouslyAllowAllBuilds/u],
    ["that trusts a lockfile", set({ trustLockfile: true }), /trustLockfile/u],
    ["that excepts packages from the age", set({ minimumReleaseAgeExclude: ["evil"] }), /minimumReleaseAgeExclude/u],
    ["that names a registry", set({ registries: { default: "https://files.example" } }), /registries/u],
    ["of an age below a week", set({ minimumReleaseAge: 1_440 }), /minimumReleaseAge is less than 10080/u],
    ["of no age", set({ minimumReleaseAge: undefined }), /minimumReleaseAge is less than 10080/u],
    ["of a range of versions", set({ catalog: { pino: "^10.4.0" } }), /no exact version of pino/u],
    ["of an address in the place of a version", set({ catalog: { pino: address } }), /no exact version of pino/u],
    ["in a file of npm", { ...good, files: [".npmrc"] }, /\.npmrc/u],
    ["in a file with hooks", { ...good, files: [".pnpmfile.mjs"] }, /\.pnpmfile\.mjs/u],
  ])("%s", (_, chain, problem) => {
    expect(supplyChainProblems(chain)).toEqual([expect.stringMatching(problem)]);
  });
});

describe("T35: direct dependencies are refused", () => {
  const one = { dependencies: { p0: "catalog:" } };
  it.each<[string, SupplyChain, RegExp]>([
    ["of which there are more than 40", having(named(41), reasons(41)), /^41 direct dependencies/u],
    ["without a line in the README", having(one, "## Dependencies\n"), /no reason is given for p0/u],
    ["without a section in the README", having(one, "# Hub\n\n- `p0`: needed\n"), /no reason is given for p0/u],
    ["with a line without a reason", having(one, "## Dependencies\n\n| `p0` |  |\n"), /no reason is given for p0/u],
    ["of tests, without a reason", having({ devDependencies: { p0: "catalog:" } }, ""), /no reason is given for p0/u],
    ["that are gone, and still have their reason", having({}, reasons(1)), /p0 is no dependency/u],
    ["with a version of their own", having({ dependencies: { p0: "1.0.0" } }, reasons(1)), /p0 is 1\.0\.0/u],
    ["from an address", having({ dependencies: { p0: address } }, reasons(1)), /p0 is https:/u],
  ])("%s", (_, chain, problem) => {
    expect(supplyChainProblems(chain)).toEqual([expect.stringMatching(problem)]);
  });
});

describe("T35: what is read of a checkout", () => {
  const root = join(import.meta.dirname, "..");
  const folder = mkdtempSync(join(tmpdir(), "drover-supply-chain-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (path: string, text: string): void => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  };

  it("is every package with its README, and every installed one with its scripts", () => {
    write("pnpm-lock.yaml", good.lockfile);
    write("pnpm-workspace.yaml", good.settings);
    write(".npmrc", "");
    write("package.json", "{}");
    write("hub/package.json", JSON.stringify(own.manifest));
    write("hub/README.md", own.readme);
    write("hub/cli/package.json", "{}");
    const store = "node_modules/.pnpm";
    write(`${store}/pino@10.4.0/node_modules/pino/package.json`, '{"name":"pino","version":"10.4.0"}');
    write(`${store}/@s+n@1.0.0/node_modules/@s/n/package.json`, '{"name":"@s/n","scripts":{"install":"x"}}');
    write(`${store}/@s+n@1.0.0/node_modules/@s/n/binding.gyp`, "{}");
    const chain = readSupplyChain(folder);
    expect(chain.packages.map((one) => one.folder).toSorted()).toEqual([".", "hub", "hub/cli"]);
    expect(chain.packages.find((one) => one.folder === "hub")).toEqual(own);
    expect(chain.installed.toSorted((a, b) => a.name.localeCompare(b.name))).toMatchObject([
      { name: "@s/n", isNative: true, manifest: { scripts: { install: "x" } } },
      { name: "pino", version: "10.4.0", isNative: false },
    ]);
    expect(supplyChainProblems(chain)).toContainEqual(expect.stringContaining(".npmrc"));
  });

  it("has, of this one, the install scripts that its list names, and no problem", () => {
    const chain = readSupplyChain(root);
    expect(supplyChainProblems(chain)).toEqual([]);
    const listed = Object.keys((parse(chain.settings) as { readonly allowBuilds: object }).allowBuilds);
    const withoutList = { ...chain, settings: chain.settings.replace(/^allowBuilds:$/mu, "allowed:") };
    const unlisted = supplyChainProblems(withoutList).filter((problem) => problem.includes("has an install script"));
    for (const name of listed) expect(unlisted).toContainEqual(expect.stringContaining(` ${name} `));
  });
});
