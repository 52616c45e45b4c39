const schemaFile = "drover.schema.json";

/**
 * What `drover init` writes, by path: the layout that is recommended, small enough to be read at once. Editors check
 * Drover's own documents with the schema, to which the first line of their files leads.
 */
export function scaffold(schema: object): Readonly<Record<string, string>> {
  const written = Object.entries(files).map(([file, text]) => {
    const toRoot = "../".repeat(file.split("/").length - 1);
    const line = `# yaml-language-server: $schema=${toRoot}${schemaFile}\n`;
    return [file, text.startsWith("apiVersion: drover.dev/") ? `${line}${text}` : text] as const;
  });
  return { ...Object.fromEntries(written), [schemaFile]: `${JSON.stringify(schema, undefined, 2)}\n` };
}

const files: Readonly<Record<string, string>> = {
  "README.md": `# Configuration of our clusters

| folder | what |
|---|---|
| \`clusters/\` | one file a cluster: its labels and variables |
| \`infrastructure/\` | what every cluster needs before anything else |
| \`apps/\` | one folder an application: its manifests, and where it runs |

Before a commit: \`drover lint\` finds mistakes, \`drover plan\` shows what would change on which cluster.
Editors with a YAML language server check files as they are written, with \`${schemaFile}\`; after an upgrade of Drover, make
it again: \`drover schema > ${schemaFile}\`.
`,
  "clusters/dev-1.yaml": `apiVersion: drover.dev/v1alpha1
kind: Cluster
metadata:
  name: dev-1
  labels: { env: dev }
spec:
  vars: { domain: dev.example.org }
`,
  "clusters/prod-1.yaml": `apiVersion: drover.dev/v1alpha1
kind: Cluster
metadata:
  name: prod-1
  labels: { env: prod }
spec:
  vars: { domain: example.org }
`,
  "infrastructure/quotas/drover.yaml": `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: quotas }
spec:
  source: { path: ./manifests }
  namespace: hello
---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: quotas }
spec:
  applications: [quotas]
  selector: {} # every cluster
`,
  "infrastructure/quotas/manifests/quota.yaml": `apiVersion: v1
kind: ResourceQuota
metadata: { name: compute }
spec:
  hard: { pods: "20" }
`,
  "apps/hello/drover.yaml": `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: hello }
spec:
  source: { path: ./base }
  namespace: hello
---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: hello }
spec:
  applications: [hello]
  selector: {} # every cluster
  overrides:
    - selector: {}
      patches:
        - target: { kind: ConfigMap, name: hello }
          merge: { data: { url: "https://hello.\${cluster.vars.domain}/" } }
    - selector: { matchLabels: { env: prod } }
      replicas: [{ name: hello, count: 3 }]
`,
  "apps/hello/base/hello.yaml": `apiVersion: v1
kind: ConfigMap
metadata: { name: hello }
data: { greeting: Hello }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: hello }
spec:
  replicas: 1
  selector: { matchLabels: { app: hello } }
  template:
    metadata: { labels: { app: hello } }
    spec:
      containers:
        - name: hello
          image: nginx:1.29
          envFrom: [{ configMapRef: { name: hello } }]
          ports: [{ name: http, containerPort: 80 }]
---
apiVersion: v1
kind: Service
metadata: { name: hello }
spec:
  selector: { app: hello }
  ports: [{ name: http, port: 80, targetPort: http }]
`,
};
