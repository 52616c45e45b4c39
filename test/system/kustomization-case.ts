import type { FileChanges } from "../rig/git.ts";

/** A small tree of one claim. */
export interface KustomizationCase {
  /** Below the folder of the case. */
  readonly files: FileChanges;
  /** The kustomization that is built, from that folder; default: the folder itself. */
  readonly path?: string;
  /** Has to be in the objects, so that a case cannot pass by building nothing of its claim. */
  readonly has: RegExp;
  readonly hasNot?: RegExp;
}

/** Files with a kustomization among them; JSON is YAML as well. */
export const tree = (kustomization: Readonly<Record<string, unknown>>, files: FileChanges = {}): FileChanges => ({
  "kustomization.yaml": JSON.stringify(kustomization),
  ...files,
});

/** The same, one folder deeper. */
export const below = (folder: string, files: FileChanges): FileChanges =>
  Object.fromEntries(Object.entries(files).map(([path, content]) => [`${folder}/${path}`, content]));

export const component = { apiVersion: "kustomize.config.k8s.io/v1alpha1", kind: "Component" };
export const configMap = (name: string, data = "k: v"): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { ${data} }\n`;

/** A Deployment that refers to a ConfigMap, a Secret, a ServiceAccount and a claim. */
export const web = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web }, annotations: { team: a } }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      serviceAccountName: web
      initContainers: [{ name: init, image: "registry.example:5000/tools/init:1" }]
      containers:
        - name: web
          image: nginx:1.29
          env: [{ name: A, value: "1" }, { name: B, valueFrom: { configMapKeyRef: { name: conf, key: k } } }]
          envFrom: [{ secretRef: { name: pass } }]
          ports: [{ containerPort: 80 }]
        - { name: side, image: side }
      volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }, { name: conf, configMap: { name: conf } }]
`;
export const service = `apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, name: http }] }
`;
export const account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: web }\n";
export const rights = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: web }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }
subjects: [{ kind: ServiceAccount, name: web, namespace: default }]
`;
export const scaler = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web } }
`;
export const ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web }
spec: { defaultBackend: { service: { name: web, port: { name: http } } } }
`;
export const widget = (name: string, spec: string): string =>
  `apiVersion: example.org/v1\nkind: Widget\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;
export const base = below(
  "base",
  tree({ resources: ["web.yaml", "service.yaml"] }, { "web.yaml": web, "service.yaml": service }),
);
export const overlay = (
  kustomization: Readonly<Record<string, unknown>>,
  files: FileChanges = {},
): KustomizationCase["files"] => ({
  ...base,
  ...below("over", tree({ resources: ["../base"], ...kustomization }, files)),
});
/** `web` and its Service changed by what a kustomization says. */
export const changed = (kustomization: Readonly<Record<string, unknown>>, files: FileChanges = {}): FileChanges =>
  tree(
    { resources: ["web.yaml", "service.yaml"], ...kustomization },
    { "web.yaml": web, "service.yaml": service, ...files },
  );
export const patched = (patch: Readonly<Record<string, unknown>>, files: FileChanges = {}): FileChanges =>
  changed({ patches: [patch] }, files);
