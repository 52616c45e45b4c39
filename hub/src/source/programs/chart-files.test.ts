import { expect, test } from "vitest";

import { snapshotOf } from "../../core/render/snapshot.fixture.ts";
import type { Snapshot } from "../snapshot.ts";
import { filesForHelm } from "./chart-files.ts";

test("E8: a chart with a submodule in it is refused whole, by the submodule's place", async () => {
  const snapshot = snapshotOf({ "web/Chart.yaml": "name: web\n", "web/templates/a.yaml": "", "other/b.yaml": "" });
  const entries = new Map(snapshot.entries);
  const submodule = (path: string): void => void entries.set(path, { path, oid: path, mode: "submodule" });
  const request = {
    path: "web",
    releaseName: "web",
    namespace: "web",
    valueFiles: [],
    values: [],
    includeCRDs: true,
    skipTests: false,
    repositories: [],
    capabilities: {},
  };
  const files = async () => filesForHelm({ ...snapshot, entries } as unknown as Snapshot, request);
  submodule("other/vendored");
  expect((await files()).files.map(({ from }) => from)).toEqual(["web/Chart.yaml", "web/templates/a.yaml"]);
  submodule("web/charts/common");
  await expect(files()).rejects.toMatchObject({
    code: "document_invalid",
    at: { file: "web/charts/common", line: 1, column: 1 },
  });
});
