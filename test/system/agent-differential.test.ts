import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

import { decodeYaml } from "@drover/shared/decode";
import { isRecord, recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { canonicalize } from "@drover/shared/kube/canonical";
import { formatObjectKey, objectKey, type KubeObject } from "@drover/shared/kube/manifest";
import { isClusterScoped } from "@drover/shared/kube/scope";
import { expect, it, vi } from "vitest";

import { startControlPlane, type ControlPlane } from "../rig/control-plane.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startLoneAgent, type LoneAgent } from "./lone-agent.ts";

const corpus = join(import.meta.dirname, "..", "..", "..", "shared", "corpus");

/** The Kubernetes objects of one file; its place in the corpus gives them a namespace that no other file uses. */
interface File {
  readonly path: string;
  readonly objects: readonly KubeObject[];
}

/** Files of plain objects; templates, values and what is in no form of an object are other tools' input. */
async function readCorpus(): Promise<readonly File[]> {
  const names = await readdir(corpus, { recursive: true });
  const files: File[] = [];
  for (const name of names.filter((name) => /\.ya?ml$/u.test(name)).toSorted()) {
    const { documents, problems } = decodeYaml(name, await readFile(join(corpus, name)));
    if (problems.length > 0 || documents.length === 0) continue;
    const namespace = `file-${files.length}`;
    const objects = documents.map(({ value }) => value).filter(isApplicable);
    if (objects.length > 0)
      files.push({ path: relative(corpus, join(corpus, name)), objects: objects.map(placeIn(namespace)) });
  }
  return files;
}

/** What `kubectl apply` takes: hooks run by rules of their own, and a generated name cannot be applied. */
function isApplicable(value: unknown): value is KubeObject {
  const annotations = Object.keys(recordAt(value, "metadata", "annotations") ?? {});
  return (
    isRecord(value) &&
    textAt(value, "apiVersion") !== undefined &&
    textAt(value, "kind") !== undefined &&
    textAt(value, "metadata", "name") !== undefined &&
    !annotations.some((name) => name === "helm.sh/hook" || name === "argocd.argoproj.io/hook")
  );
}

function placeIn(namespace: string): (object: KubeObject) => KubeObject {
  return (object) => {
    const { namespace: _declared, ...metadata } = withoutWave(object.metadata);
    if (!isClusterScoped(object)) return { ...object, metadata: { ...metadata, namespace } };
    // Two files may declare the same cluster-scoped object differently.
    const name = object.kind === "CustomResourceDefinition" ? metadata.name : `${metadata.name}-${namespace}`;
    return { ...object, metadata: { ...metadata, name } };
  };
}

/** Without controllers no wave would ever become ready. */
function withoutWave(metadata: KubeObject["metadata"]): KubeObject["metadata"] {
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([name]) => !name.endsWith("/sync-wave"));
  return { ...metadata, annotations: Object.fromEntries(annotations) };
}

type Read = (path: string) => Promise<JsonRecord | undefined>;

/** The live object without what differs between any two servers or owners. */
async function readLive(read: Read, object: KubeObject): Promise<JsonRecord | undefined> {
  const { apiVersion, kind, metadata } = object;
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const resources = recordsAt(await read(root), "resources");
  const resource = resources.find((entry) => entry["kind"] === kind && !(textAt(entry, "name") ?? "/").includes("/"));
  if (resource === undefined) return undefined;
  const scope = resource["namespaced"] === true ? `/namespaces/${metadata.namespace ?? ""}` : "";
  const live = await read(`${root}${scope}/${textAt(resource, "name") ?? ""}/${metadata.name}`);
  return live === undefined
    ? undefined
    : withoutServerFields(JSON.parse(JSON.stringify(live, dropNodePort)) as JsonRecord);
}

function dropNodePort(key: string, value: unknown): unknown {
  return key === "nodePort" ? undefined : value;
}

/** What kinds there are does not change, and each of the corpus is asked for many times. */
function remember(read: Read): Read {
  const known = new Map<string, ReturnType<Read>>();
  return (path) => {
    if (/\/(?:v1|v1beta1|v1alpha1)$/u.test(path) && !known.has(path)) known.set(path, read(path));
    return known.get(path) ?? read(path);
  };
}

function withoutServerFields(live: JsonRecord): JsonRecord {
  const { status: _status, metadata, spec, secrets: _secrets, ...rest } = live;
  const labels = Object.entries(recordAt({ metadata }, "metadata", "labels") ?? {}).filter(
    ([name]) => !name.startsWith("drover.dev/"),
  );
  const kept = Object.entries(isRecord(metadata) ? metadata : {}).filter(([name]) => !serverMetadata.has(name));
  const body = isRecord(spec)
    ? Object.fromEntries(Object.entries(spec).filter(([name]) => !allocated.has(name)))
    : spec;
  return {
    ...rest,
    ...(body === undefined ? {} : { spec: body }),
    metadata: { ...Object.fromEntries(kept), labels: Object.fromEntries(labels) },
  };
}

const serverMetadata: ReadonlySet<string> = new Set([
  "creationTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "selfLink",
  "uid",
]);
const allocated: ReadonlySet<string> = new Set(["clusterIP", "clusterIPs", "healthCheckNodePort"]);

async function applyWithKubectl(plane: ControlPlane, files: readonly File[]): Promise<void> {
  const items = files.flatMap(({ objects }) => objects);
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items }, fillProtocol);
  // Objects that the server refuses make it fail after it has applied the others.
  await plane.kubectl(["apply", "--server-side", "--validate=false", "-f", "-"], { stdin: list });
}

/** Servers up to 1.20 answer 500 to a server-side apply of a port without one, whoever sends it (case 6). */
function fillProtocol(key: string, value: unknown): unknown {
  if (key !== "ports" || !Array.isArray(value)) return value;
  return value.map((port: unknown) => (isRecord(port) ? { protocol: "TCP", ...port } : port));
}

async function applyWithDrover(agent: LoneAgent, files: readonly File[]): Promise<void> {
  const contents = files.map(({ objects }, index): [string, KubeObject[]] => [
    `file-${index}`,
    objects.map((object) => canonicalize(object)),
  ]);
  agent.hub.assignTogether(Object.fromEntries(contents));
  await vi.waitFor(
    () => {
      for (const [name, objects] of contents) {
        const report = agent.hub.report(name);
        expect({ name, objects: report?.objects.length }).toEqual({ name, objects: objects.length });
        const waiting = report?.objects.filter(
          ({ apply, reason }) => apply === "pending" && reason !== "WaitingForKind",
        );
        expect({ name, waiting }).toEqual({ name, waiting: [] });
      }
    },
    { timeout: 60_000, interval: 50 },
  );
}

describeWithRig(
  "kube-apiserver",
  "etcd",
  "kubectl",
)("the live object is as kubectl apply --server-side makes it", () => {
  it.skipIf(!existsSync(corpus))("for every manifest of the corpus (needs ../shared/corpus)", async () => {
    const files = await readCorpus();
    expect(files.length).toBeGreaterThan(50);
    await using plane = await startControlPlane({ name: "kubectl" });
    await using agent = await startLoneAgent("real");
    const theirsAt = remember(async (path) => {
      const { code, stdout } = await plane.kubectl(["get", "--raw", path]);
      return code === 0 ? (JSON.parse(stdout) as JsonRecord) : undefined;
    });
    const oursAt = remember((path) => agent.get(path));
    for (const index of files.keys()) {
      const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: `file-${index}` } };
      await agent.create("/api/v1/namespaces", namespace);
    }
    const namespaces = files.map((_, index) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: `file-${index}` },
    }));
    await plane.kubectl(["create", "-f", "-"], {
      stdin: JSON.stringify({ apiVersion: "v1", kind: "List", items: namespaces }),
    });
    await Promise.all([applyWithKubectl(plane, files), applyWithDrover(agent, files)]);
    let compared = 0;

    for (const { path, objects } of files) {
      for (const object of objects) {
        const name = `${path}: ${formatObjectKey(objectKey(object))}`;
        const [theirs, ours] = await Promise.all([readLive(theirsAt, object), readLive(oursAt, object)]);
        expect({ name, live: ours }).toEqual({ name, live: theirs });
        if (theirs !== undefined) compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(60);
  });
});
