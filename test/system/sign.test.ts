import { signTarget } from "@drover/hub/controllers/signatures";
import { readProject } from "@drover/hub/offline/project";
import { bundleOf, openSigner } from "@drover/hub/offline/sign-release";
import { isReleased } from "@drover/shared/trust/release";
import { createSigningKey } from "@drover/shared/trust/signing-key";
import { expect, it, vi } from "vitest";

import { createWorkTree } from "../rig/git.ts";
import { temporaryFolder } from "../rig/watchdog.ts";
import { files, startLoop, web } from "./loop.ts";

const patience = { timeout: 10_000, interval: 20 };

it("T31: what a person signs of a folder is what the hub assigns, is sent along with it, and counts for nothing else", async () => {
  const declared =
    "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: { name: prod-1, labels: { env: prod } }\n";
  await using tree = await createWorkTree({ files: { ...files, "clusters.yaml": declared } });
  await using folder = await temporaryFolder("sign");
  await using hub = await startLoop(folder.path, tree);
  const target = () => hub.newest("prod-1")?.targets.find(({ application }) => application === "web");
  await vi.waitFor(() => expect(target()?.bundle).toBeTruthy(), patience);
  const key = createSigningKey();
  const pem = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const options = { folder: tree.path, environment: process.env, fetch: false, capabilities: {} };
  const project = await readProject(options, new AbortController().signal);
  const bundle = bundleOf(project, { app: "web", cluster: "prod-1" });
  expect(bundle).toBe(target()?.bundle);
  const release = { application: "web", bundle, cluster: "prod-1", expiresAtMs: Date.now() + 60_000 };
  const input = openSigner("me.pem", pem).sign(release);
  const deps = { store: hub.store, events: hub.events, send: hub.loop.wake.clusters };
  const generation = hub.newest("prod-1")?.generation ?? 0;
  signTarget(deps, { app: "web", cluster: "prod-1" }, input);
  await vi.waitFor(() => expect(target()?.signatures).toHaveLength(1), patience);
  // Another content of the envelope is another generation.
  expect(hub.newest("prod-1")?.generation).toBeGreaterThan(generation);
  const [signature] = target()?.signatures ?? [];
  const check = { key: key.publicKey, nowMs: Date.now() };
  expect(signature !== undefined && isReleased(release, signature, check)).toBe(true);
  // Twice is once; and of other content nobody may say that it was signed.
  signTarget(deps, { app: "web", cluster: "prod-1" }, input);
  expect(hub.store.target({ app: "web", cluster: "prod-1" })?.signatures).toHaveLength(1);
  const other = { ...input, bundle: `sha256:${"0".repeat(64)}` };
  expect(() => signTarget(deps, { app: "web", cluster: "prod-1" }, other)).toThrow(
    expect.objectContaining({ code: "precondition_failed" }),
  );
  expect(() => signTarget(deps, { app: "none", cluster: "prod-1" }, input)).toThrow(
    expect.objectContaining({ code: "not_found" }),
  );
  await tree.commit("another image", { "apps/web/web.yaml": web(2) });
  await vi.waitFor(() => expect(target()?.bundle).not.toBe(bundle), patience);
  expect(target()?.signatures).toBeUndefined();
});
