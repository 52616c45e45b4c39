import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";

import { DroverError } from "@drover/shared/errors";

/** Where an API server is, whom to trust, and how to say who we are. */
export interface Access {
  readonly url: URL;
  readonly tls: ConnectionOptions;
  /** Headers for the next request. With `renew` the last ones were refused, so what is cached must be fetched anew. */
  authorize(options: { readonly renew: boolean }): Promise<Readonly<Record<string, string>>>;
}

export type AccessSource =
  /** `folder`: where token and ca.crt of the service account are. */
  | { readonly kind: "in-cluster"; readonly host: string; readonly port: string; readonly folder: string }
  | { readonly kind: "kubeconfig"; readonly path: string; readonly context: string };

/** kubelet replaces the token file about every hour. */
const tokenAgeMs = 60_000;

/** Throws `config_invalid` when the source cannot be read or does not say where a cluster is. */
export async function loadAccess(source: AccessSource): Promise<Access> {
  try {
    return source.kind === "in-cluster" ? await fromServiceAccount(source) : await fromKubeconfig(source);
  } catch (cause) {
    if (cause instanceof DroverError) throw cause;
    throw new DroverError("config_invalid", `cannot read access to the cluster from ${describe(source)}`, {
      hint: "set --kubeconfig to a readable kubeconfig file, or run in a pod with a service account",
      cause,
    });
  }
}

async function fromServiceAccount(source: Extract<AccessSource, { kind: "in-cluster" }>): Promise<Access> {
  const { host, port, folder } = source;
  const ca = await readFile(join(folder, "ca.crt"));
  const authority = host.includes(":") ? `[${host}]` : host;
  let token: { readonly authorization: string; readonly readAt: number } | undefined;
  return {
    url: new URL(`https://${authority}:${port}`),
    tls: { ca },
    async authorize({ renew }) {
      const now = performance.now();
      if (token === undefined || renew || now - token.readAt > tokenAgeMs) {
        const text = (await readFile(join(folder, "token"), "utf8")).trim();
        token = { authorization: `Bearer ${text}`, readAt: now };
      }
      return { authorization: token.authorization };
    },
  };
}

/** Loads the Kubernetes client library only here: it costs tens of MiB that an agent in its cluster does not need. */
async function fromKubeconfig(source: Extract<AccessSource, { kind: "kubeconfig" }>): Promise<Access> {
  const { KubeConfig } = await import("@kubernetes/client-node/dist/config.js");
  const config = new KubeConfig();
  config.loadFromFile(source.path);
  if (source.context !== "") config.setCurrentContext(source.context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new DroverError("config_invalid", `${describe(source)} names no cluster for context "${source.context}"`);
  }
  const authenticate = async (): Promise<Authentication> => {
    const options: Authentication = { headers: {} };
    await config.applyToHTTPSOptions(options);
    return options;
  };
  const authentication = await authenticate();
  const { ca, cert, key, rejectUnauthorized, servername } = authentication;
  let authorization = authorizationOf(authentication);
  return {
    url: new URL(cluster.server),
    tls: Object.fromEntries(
      Object.entries({ ca, cert, key, rejectUnauthorized, servername }).filter(([, value]) => value !== undefined),
    ),
    async authorize({ renew }) {
      if (renew) authorization = authorizationOf(await authenticate());
      return authorization;
    },
  };
}

interface Authentication extends Pick<ConnectionOptions, "ca" | "cert" | "key" | "rejectUnauthorized" | "servername"> {
  readonly headers: Record<string, string>;
  readonly auth?: string | null;
}

function authorizationOf({ headers, auth }: Authentication): Readonly<Record<string, string>> {
  const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  const basic = auth ? [["authorization", `Basic ${btoa(auth)}`]] : [];
  return Object.fromEntries([...basic, ...named]);
}

function describe(source: AccessSource): string {
  return source.kind === "in-cluster"
    ? `the pod's service account in ${source.folder}`
    : `the kubeconfig ${source.path}`;
}
