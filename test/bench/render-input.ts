import { readDeclarations } from "@drover/hub/core/declarations";
import { desire } from "@drover/hub/core/desired";
import { plan } from "@drover/hub/core/plan";
import { canonicalize } from "@drover/shared/kube/canonical";
import type { KubeObject, Manifest } from "@drover/shared/kube/manifest";
import { formatProblem } from "@drover/shared/problems";
import { defaultSync } from "@drover/shared/sync-options";

const objects = 30;

/** An application of 30 objects, every third of them a Deployment. */
export const manifests: readonly Manifest[] = Array.from({ length: objects }, (_, index) => ({
  object: canonicalize(index % 3 === 0 ? deployment(`web-${index}`) : configMap(`settings-${index}`)),
}));

/** Overrides by three selectors, and in each one variable of the cluster. */
export const placement = `apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: bench }
spec:
  applications: [bench]
  selector: {}
  overrides:
    - selector: {}
      patches:
        - target: { kind: ConfigMap, name: settings-1 }
          merge: { data: { cluster: "\${cluster.name}" } }
    - selector: { matchLabels: { env: prod } }
      replicas: [{ name: web-0, count: 5 }]
    - selector: { matchLabels: { region: eu } }
      images: [{ name: nginx, newTag: "1.30" }]
`;

/** Prepares the input; `decide` does what the hub does with a commit, between rendering and the store. */
export function place30(clusters: number) {
  const { declarations, problems } = readDeclarations("config", "p.yaml", new TextEncoder().encode(placement));
  if (problems.length > 0) throw new Error(problems.map(formatProblem).join("\n"));
  const placements = declarations.filter((declaration) => declaration.kind === "Placement");
  const fleet = Array.from({ length: clusters }, (_, index) => ({
    name: `cluster-${index}`,
    labels: { env: index % 2 === 0 ? "prod" : "dev", region: index % 3 === 0 ? "eu" : "us" },
    vars: {},
    cordoned: "",
  }));
  const decide = () => {
    const { variants, blobs } = desire(manifests, placements, fleet);
    const common = { app: "bench", declaredIn: ["config"], repository: "config", commit: "1", namespace: "bench" };
    const more = { createNamespace: true, prune: true, sync: defaultSync, deletion: "uninstall", seenAtMs: 0 } as const;
    const targets = variants.flatMap((variant) =>
      variant.clusters.map((cluster) => ({
        ...common,
        ...more,
        cluster,
        bundle: variant.bundle,
        objects: variant.objects,
      })),
    );
    const { put } = plan(targets, [], { now: 0, removal: () => "" });
    return { variants: variants.length, targets: put.length, blobs: blobs.size };
  };
  return { decide, clusters };
}

function configMap(name: string): KubeObject {
  const data = Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [`key-${index}`, `value ${index} of ${name}`]),
  );
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "bench" }, data };
}

function deployment(name: string): KubeObject {
  const labels = { app: name };
  const container = { name: "web", image: "nginx:1.29", ports: [{ containerPort: 80, protocol: "TCP" }] };
  const template = { metadata: { labels }, spec: { containers: [container] } };
  const spec = { replicas: 2, selector: { matchLabels: labels }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace: "bench" }, spec };
}
