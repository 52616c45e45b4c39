/** One cluster's entry in a kubeconfig. */
export type KubeconfigEntry = {
  readonly name: string;
  readonly url: string;
  readonly token: string;
  readonly caPem: string;
};

/** A kubeconfig (JSON, which is YAML) with a context for each cluster; the first one is current. */
export function formatKubeconfig(entries: readonly KubeconfigEntry[]): string {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: entries.map(({ name, url, caPem }) => ({
      name,
      cluster: { server: url, "certificate-authority-data": Buffer.from(caPem).toString("base64") },
    })),
    users: entries.map(({ name, token }) => ({ name, user: { token } })),
    contexts: entries.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
    "current-context": entries[0]?.name ?? "",
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}
