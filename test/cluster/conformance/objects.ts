/** Small objects that suites send; each is what a person would write, without defaults. */

type Labels = Readonly<Record<string, string>>;

export interface Named {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string };
}

export function configMap(name: string, data: Labels, metadata: object = {}): Named & { readonly data: Labels } {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { ...metadata, name }, data };
}

export interface WorkloadOptions {
  readonly replicas?: number;
  readonly image?: string;
  readonly env?: readonly object[];
  readonly app?: string;
  readonly metadata?: object;
}

function podTemplate({ app = "web", image = "web:1", env }: WorkloadOptions): object {
  const container = env === undefined ? { name: "main", image } : { name: "main", image, env };
  return { metadata: { labels: { app } }, spec: { containers: [container] } };
}

export function deployment(name: string, options: WorkloadOptions = {}): Named & { readonly spec: object } {
  const { replicas, app = "web", metadata = {} } = options;
  const selector = { matchLabels: { app } };
  const spec = { selector, template: podTemplate(options), ...(replicas === undefined ? {} : { replicas }) };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { ...metadata, name }, spec };
}

export function statefulSet(name: string, options: WorkloadOptions = {}): Named & { readonly spec: object } {
  const { spec } = deployment(name, options);
  const metadata = { ...options.metadata, name };
  return { apiVersion: "apps/v1", kind: "StatefulSet", metadata, spec: { ...spec, serviceName: name } };
}

export function daemonSet(name: string, options: WorkloadOptions = {}): Named & { readonly spec: object } {
  const selector = { matchLabels: { app: options.app ?? "web" } };
  const metadata = { ...options.metadata, name };
  return { apiVersion: "apps/v1", kind: "DaemonSet", metadata, spec: { selector, template: podTemplate(options) } };
}

export function job(name: string, image = "job:1"): Named & { readonly spec: object } {
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "main", image }] } };
  return { apiVersion: "batch/v1", kind: "Job", metadata: { name }, spec: { template } };
}

export function service(name: string, ports: readonly object[], spec: object = {}): Named & { readonly spec: object } {
  return { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { selector: { app: "web" }, ports, ...spec } };
}

export interface CustomKind {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
  /** OpenAPI schema of `spec`. */
  readonly spec?: object;
  /** Schema of `status`; its presence turns the status subresource on. */
  readonly status?: object;
  readonly subresources?: object;
  readonly scope?: "Namespaced" | "Cluster";
}

export function customResourceDefinition(definition: CustomKind): Named & { readonly spec: object } {
  const { group, plural, kind, scope = "Namespaced", status, spec = { type: "object" } } = definition;
  const properties = status === undefined ? { spec } : { spec, status };
  const subresources = definition.subresources ?? (status === undefined ? undefined : { status: {} });
  const version = {
    name: "v1",
    served: true,
    storage: true,
    schema: { openAPIV3Schema: { type: "object", properties } },
    ...(subresources === undefined ? {} : { subresources }),
  };
  const names = { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: { group, scope, names, versions: [version] },
  };
}
