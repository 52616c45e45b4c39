/** An Application in `apps/<name>`, followed by a document separator. */
export function application(name: string, namespace: string): string {
  return `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: ${name} }
spec:
  source: { path: apps/${name} }
  namespace: ${namespace}
  sync: { createNamespace: true }
---
`;
}

/** A Placement of the application of the same name. */
export function placement(name: string, labels: Readonly<Record<string, string>>): string {
  return `apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: ${name} }
spec:
  applications: [${name}]
  selector: { matchLabels: ${JSON.stringify(labels)} }
`;
}

export function configMap(name: string, data: Readonly<Record<string, string>>): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: { name: ${name} }
data: ${JSON.stringify(data)}
`;
}

/** Two replicas of one container. */
export function deployment(name: string, image: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  replicas: 2
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers: [{ name: main, image: "${image}" }]
`;
}
