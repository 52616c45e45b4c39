import { decodeYaml } from "@drover/shared/decode";
import { digestOf } from "@drover/shared/digest";
import { expect, test } from "vitest";

import { lockedChart, type ChartOfLock } from "./chart-lock.ts";
import type { ChartRepository } from "./chart-repositories.ts";

const read = (text: string): unknown => decodeYaml("a.yaml", new TextEncoder().encode(text)).documents[0]?.value;
const url = "http://127.0.0.1:8879/charts";
const rig: ChartRepository = { url, name: "rig", credential: "", digests: {} };

/** Made by Helm 4.1.4; the repository was added to it with a slash at its end. */
const chart = `dependencies:
  - { name: child, version: ">=1.0.0 <2 || 1.x", repository: "${url}", condition: "child.enabled,global.child", tags: [back, "a&b"], alias: one, import-values: [data, { parent: mine, child: default }] }
  - { name: other, version: 2, repository: "@rig", enabled: true, tags: [] }
`;
const lock = `dependencies:
- name: child
  repository: ${url}
  version: 1.2.3
- name: other
  repository: ${url}/
  version: 2.0.0+build.1
digest: sha256:d0df5c48dabc0f6b542a433d82167aedc34d56e0f8fa0458dfb7d9d726678323
`;
const lockOf = (change: Partial<ChartOfLock> = {}): ChartOfLock => {
  return { chart: read(chart), file: "Chart.yaml", lock: read(lock), repositories: [rig], ...change };
};
const versionOf = (of: ChartOfLock, index = 0): string => {
  const found = lockedChart(of, index);
  return "ref" in found ? `${found.ref.repository} ${found.ref.version} ${found.file}` : found.message;
};

test("a lock that Helm made fits its chart, with conditions, tags, aliases, imported values and names of repositories", () => {
  expect(versionOf(lockOf(), 0)).toBe(`${url} 1.2.3 child-1.2.3.tgz`);
  expect(versionOf(lockOf(), 1)).toBe(`${url} 2.0.0+build.1 other-2.0.0+build.1.tgz`);
});

test.each([
  ["another range", chart.replace("1.x", "2.x"), lock],
  ["another condition", chart.replace("global.child", "global.none"), lock],
  ["another tag", chart.replace("a&b", "a"), lock],
  ["other imported values", chart.replace("parent: mine", "parent: yours"), lock],
  ["one dependency more", `${chart}  - { name: more, version: 1.0.0, repository: "${url}" }\n`, lock],
  ["another version in the lock", chart, lock.replace("1.2.3", "1.2.4")],
  ["a lock without a digest", chart, lock.replace(/digest: .*/u, "")],
  ["a lock that is no map", chart, "text"],
])("does not fit after a change: %s", (_name, changed, locked) => {
  const of = lockOf({ chart: read(changed), lock: read(locked) });
  expect(versionOf(of)).toBe("Chart.lock is out of sync with Chart.yaml, as helm dependency build has it");
});

test("locks of charts of the first generation fit as Helm 3 and as Helm 2 made them", () => {
  const requirements = read(`dependencies: [{ name: child, version: ~1.2.0, repository: "alias:rig" }]`);
  const made = `dependencies: [{ name: child, repository: "${url}/", version: 1.2.3 }]\n`;
  const file = "requirements.yaml" as const;
  const third = read(`${made}digest: sha256:4d99c678a3d2b97f1d0f143c26b56fc7eda247e1da3b6662510fcec4087dedd0\n`);
  expect(versionOf(lockOf({ chart: requirements, file, lock: third }))).toBe(`${url} 1.2.3 child-1.2.3.tgz`);
  const asked = `{"dependencies":[{"name":"child","version":"~1.2.0","repository":"alias:rig"}]}`;
  const second = read(`${made}digest: ${digestOf(asked)}\n`);
  expect(versionOf(lockOf({ chart: requirements, file, lock: second }))).toBe(`${url} 1.2.3 child-1.2.3.tgz`);
  expect(versionOf(lockOf({ chart: requirements, lock: second }))).toContain("out of sync");
});

test("only declared repositories count, by their address with and without a slash, or by their name", () => {
  const slashed = read(chart.replace(`"${url}"`, `"${url}/"`));
  expect(versionOf(lockOf({ chart: slashed }))).toContain("out of sync");
  for (const repositories of [[], [{ ...rig, url: `${url}/more`, name: "other" }]]) {
    expect(lockedChart(lockOf({ repositories }), 0)).toEqual({
      message: `child is not in charts/, and its repository ${url} is not declared`,
      hint: `write repositories: [{ url: "${url}" }] into spec.helm of the application, or run helm dependency update and commit charts/`,
    });
    expect(lockedChart(lockOf({ repositories }), 1)).toMatchObject({
      hint: expect.stringContaining(`[{ url: "https://…", name: rig }]`) as string,
    });
  }
  // The name leads elsewhere than where the lock was made.
  const elsewhere = [rig, { ...rig, url: "https://elsewhere.example", name: "other" }].map((one) => ({ ...one }));
  const moved = elsewhere.map((one) => ({ ...one, name: one.name === "rig" ? "" : "rig" }));
  expect(versionOf(lockOf({ repositories: moved }), 1)).toContain("out of sync");
});

test("without a lock, a version in it, or a repository, it says what to do", () => {
  expect(lockedChart(lockOf({ lock: undefined }), 0)).toEqual({
    message: "there is no Chart.lock, which says the version of child",
    hint: "run helm dependency update and commit the lock",
  });
  const none = read("dependencies: [{ name: child, version: 1.0.0 }]");
  expect(versionOf(lockOf({ chart: none }))).toBe("child is not in charts/ and names no repository");
  const strange = `[[{"name":"child","version":"x","repository":"${url}"}],[{"name":"child","version":"../x","repository":"${url}"}]]`;
  const forged = {
    dependencies: [{ name: "child", version: "../x", repository: url }],
    digest: digestOf(strange),
  };
  const asked = { dependencies: [{ name: "child", version: "x", repository: url }] };
  expect(versionOf(lockOf({ chart: asked, lock: forged }))).toBe("Chart.lock names no version of child");
});

test("a digest that Git gives to the archive goes with it", () => {
  const digest = digestOf("archive");
  const found = lockedChart(lockOf({ repositories: [{ ...rig, digests: { "child-1.2.3": digest } }] }), 0);
  expect(found).toMatchObject({ ref: { kind: "chart", name: "child", version: "1.2.3", locked: { digest } } });
});
