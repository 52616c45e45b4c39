/** What a client needs to talk to one API server. */
export interface ClusterAccess {
  readonly name: string;
  /** `https://host:port`, without a path. */
  readonly url: string;
  readonly caPem: string;
  /** Bearer token of a user in `system:masters`. */
  readonly token: string;
}

/** A kubeconfig (JSON, which every reader of YAML takes) with one context, named after the cluster. */
export function formatKubeconfig({ name, url, caPem, token }: ClusterAccess): string {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [{ name, cluster: { server: url, "certificate-authority-data": btoa(caPem) } }],
    users: [{ name: `${name}-admin`, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: `${name}-admin` } }],
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}
