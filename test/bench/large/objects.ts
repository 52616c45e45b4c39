import { createHash } from "node:crypto";

import type { KubeObject } from "@drover/shared/kube/manifest";

/** One of many objects of about 2.5 KB: of ten seven are ConfigMaps, the others Deployments with many small fields. */
export function largeObject(n: number): KubeObject {
  return n % 10 < 7 ? configMap(n) : deployment(n);
}

function configMap(n: number): KubeObject {
  const line = (m: number): string => `setting.${m}=${noise(`${n} ${m}`)}`;
  const settings = Array.from({ length: 31 }, (_, m) => line(m)).join("\n");
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `settings-${n}`, labels: { "app.kubernetes.io/part-of": "large" } },
    data: { "app.properties": `${settings}\n` },
  };
}

function deployment(n: number): KubeObject {
  const name = `web-${n}`;
  const labels = { "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "large" };
  const container = {
    name: "web",
    image: "registry.example/shop/web:1.4.2",
    env: Array.from({ length: 19 }, (_, m) => ({ name: `SETTING_${m}`, value: noise(`${n} ${m}`) })),
    ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
    resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "128Mi" } },
    readinessProbe: { httpGet: { path: "/healthz", port: "http" }, periodSeconds: 5 },
  };
  const template = { metadata: { labels }, spec: { containers: [container] } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels },
    spec: { replicas: 2, selector: { matchLabels: labels }, template },
  };
}

/** Compresses no better than what people write. */
function noise(of: string): string {
  return createHash("sha256").update(of).digest("hex");
}
