import { FakeClock } from "@drover/shared/clock";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createEventLog } from "../controllers/event-log.ts";
import { World } from "../controllers/world.ts";
import { readDeclarations } from "../core/declarations.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { sourceDefaults, type Store } from "../store/store.ts";
import { createViews } from "./views.ts";

const now = Date.UTC(2026, 10, 27);
const day = 86_400_000;
const application = `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: podinfo }
spec: { source: { chart: { repository: "https://charts.example.org", name: podinfo, version: 6.x, credential: corp } } }
`;

let store: Store;
beforeEach(() => {
  store = openSqliteStore(":memory:");
});
afterEach(() => store.close());

test.each([
  [15, "", []],
  [9, "a certificate of the credential corp expires on 2026-12-06", ["warning"]],
  [-1, "a certificate of the credential corp expired on 2026-11-26", ["error"]],
])("a certificate that ends in %s days is told where what is read with it is shown", (days, reason, severities) => {
  const credential = { username: "", password: "", ca: "-", clientCertificate: "", clientKey: "" };
  const dates = { changedAtMs: 0, expiresAtMs: now + days * day };
  store.putCredential({ name: "corp", prefix: "https://git.example.org", ...credential, ...dates });
  const url = "https://git.example.org/a";
  store.putSource({ ...sourceDefaults, name: "shop", url, credential: "corp" });
  store.putSource({ ...sourceDefaults, name: "free", url });
  store.putSource({ ...sourceDefaults, name: "lost", url, credential: "gone" });
  const world = new World(
    store,
    createEventLog(store, () => now),
    () => now,
  );
  world.catalogs.set({
    repository: "shop",
    commit: "c1",
    ...readDeclarations("shop", "a.yaml", new TextEncoder().encode(application)),
  });
  const views = createViews({ store, world, clock: new FakeClock(now) });
  expect(views.source("shop")).toMatchObject({ credential: "corp", state: "pending", reason });
  expect(views.source("shop")?.problems.map(({ severity }) => severity)).toEqual(severities);
  expect(views.application("podinfo")?.problems.map(({ severity }) => severity)).toEqual(severities);
  for (const name of ["free", "lost"]) expect(views.source(name)).toMatchObject({ reason: "", problems: [] });
});
