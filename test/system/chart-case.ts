import type { FileChanges } from "../rig/git.ts";

/** A small chart of one claim, told as an application uses it and as a person calls Helm. */
export interface ChartCase {
  /** Below the folder of the case, where the chart is unless `chart` says otherwise. */
  readonly files: FileChanges;
  /** The chart's folder, from that of the case. */
  readonly chart?: string;
  /** `spec.helm` and what an application says besides. */
  readonly helm?: {
    readonly releaseName?: string;
    readonly valueFiles?: readonly string[];
    readonly values?: Readonly<Record<string, unknown>>;
    readonly includeCRDs?: boolean;
    readonly skipTests?: boolean;
  };
  /** Values of one cluster. */
  readonly layers?: readonly Readonly<Record<string, unknown>>[];
  readonly kubeVersion?: string;
  readonly apiVersions?: readonly string[];
  /** Has to be in the objects, so that a case cannot pass by rendering nothing of its claim. */
  readonly has: RegExp;
  readonly hasNot?: RegExp;
}

export const chartYaml = (name: string, rest = ""): string => `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n${rest}`;

/** A ConfigMap whose data are lines of a template. */
export const configMap = (name: string, ...lines: readonly string[]): string =>
  [`apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "${name}" }\ndata:`, ...lines].join("\n  ") + "\n";

export const job = (name: string, ...annotations: readonly string[]): string => `apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-${name}"
  annotations: { ${annotations.join(", ")} }
spec: { template: { spec: { restartPolicy: Never, containers: [{ name: main, image: "registry.example/job:1" }] } } }
`;

export const definition = (plural: string, kind: string): string => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${plural}.example.org }
spec:
  group: example.org
  names: { kind: ${kind}, plural: ${plural} }
  scope: Namespaced
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
`;

export const parentAndChild = {
  "Chart.yaml": chartYaml("parent", "dependencies: [{ name: child, version: 0.1.0, condition: child.enabled }]\n"),
  "charts/child/Chart.yaml": chartYaml("child"),
  "charts/child/values.yaml": "size: child\ncolour: child\n",
  "charts/child/templates/c.yaml": configMap(
    "child",
    'v: "{{ .Values.size }} {{ .Values.colour }} {{ .Values.global }}"',
  ),
  "templates/p.yaml": configMap("parent", 'v: "{{ .Values.child.size }}"'),
};
