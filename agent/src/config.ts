import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import {
  formatOptions,
  loadConfig,
  parseNumber,
  parseOneOf,
  parseText,
  type ConfigOf,
  type ConfigSources,
} from "@drover/shared/config";
import { DroverError } from "@drover/shared/errors";

import type { AccessSource } from "./kube/access.ts";
import { HubAddresses, parseHubAddresses } from "./link/addresses.ts";

/** The agent's settings; flags, environment and help come from this table. */
const agentOptions = {
  hubAddress: {
    help: "address of the hub, host:port; where another stands by, those of both, comma-separated",
    parse: parseHubAddresses,
    default: new HubAddresses("127.0.0.1:7475"),
    placeholder: "127.0.0.1:7475",
  },
  link: {
    help: "how the hub is reached: grpc, or nats, through the broker that leads to it",
    parse: parseOneOf("grpc", "nats"),
    default: "grpc" as const,
  },
  brokerAccess: {
    help: "access to the NATS broker from `drover join --link nats`; an agent that has joined has its own",
    parse: parseText,
    default: "",
    placeholder: "none",
  },
  joinToken: {
    help: "one-time token from `drover join`; may stay given, an agent that has joined does not use it again",
    parse: parseText,
    default: "",
    placeholder: "none",
  },
  joinTokenFile: { help: "file with the join token", parse: parseText, default: "", placeholder: "none" },
  dataDir: {
    help: "folder of identity, accepted assignments and bundles; readable by its owner only",
    parse: parseText,
    default: join(homedir(), ".local", "share", "drover", "agent"),
    placeholder: "~/.local/share/drover/agent",
  },
  identitySecret: {
    help: "Secret, in the agent's namespace, that keeps a copy of the identity: for pods, whose disk goes with them",
    parse: parseText,
    default: "",
    placeholder: "none",
  },
  kubeconfig: {
    help: "kubeconfig of the cluster; without it the agent uses the service account of its pod",
    parse: parseText,
    default: "",
    placeholder: "in-cluster",
  },
  serviceAccountDir: {
    help: "folder with token and ca.crt of the pod's service account, as for a projected token; without --kubeconfig",
    parse: parseText,
    default: "/var/run/secrets/kubernetes.io/serviceaccount",
  },
  context: { help: "context in the kubeconfig", parse: parseText, default: "", placeholder: "the current one" },
  namespace: {
    help: "namespace of the agent's own objects in the cluster",
    parse: parseText,
    default: "drover-system",
  },
  defaultServiceAccount: {
    help: "service account, in each application's namespace, whose rights are used for applications that name none",
    parse: parseText,
    default: "",
    placeholder: "the agent's own rights",
  },
  policy: {
    help: "file with what this cluster lets the agent do, whatever the hub says; not there = anything (see the README)",
    parse: parseText,
    default: "",
    placeholder: "none",
  },
  probePort: {
    help: "port on 127.0.0.1 for /healthz, /readyz and /metrics; 0 = none",
    parse: parseNumber({ min: 0, max: 65_535 }),
    default: 0,
  },
  probeHost: { help: "address that the probe port listens on", parse: parseText, default: "127.0.0.1" },
  logLevel: {
    help: "debug, info, warn, error or silent",
    parse: parseOneOf("debug", "info", "warn", "error", "silent"),
    default: "info" as const,
  },
};

export type AgentConfig = ConfigOf<typeof agentOptions>;

export function loadAgentConfig(sources: ConfigSources): AgentConfig {
  return loadConfig(agentOptions, sources);
}

export const agentHelp = `Keeps a cluster as the hub assigns it.\n\n${formatOptions(agentOptions)}\n`;

/** What the process was started with; together with the functions below the only place that looks. */
export function processSources(): ConfigSources {
  return { argv: process.argv.slice(2), env: process.env };
}

/** Where the cluster is. Throws `config_invalid` when neither a kubeconfig nor a pod's service account is there. */
export function accessSource(config: AgentConfig, { env }: Pick<ConfigSources, "env">): AccessSource {
  if (config.kubeconfig !== "") return { kind: "kubeconfig", path: config.kubeconfig, context: config.context };
  const host = env["KUBERNETES_SERVICE_HOST"];
  const port = env["KUBERNETES_SERVICE_PORT"];
  if (host !== undefined && port !== undefined)
    return { kind: "in-cluster", host, port, folder: config.serviceAccountDir };
  throw new DroverError("config_invalid", "there is no cluster: not in a pod, and --kubeconfig is not given", {
    hint: "give --kubeconfig PATH",
  });
}

/** The join token, from wherever it was given; undefined when none was. */
export async function readJoinToken(config: AgentConfig): Promise<string | undefined> {
  if (config.joinToken !== "") return config.joinToken;
  if (config.joinTokenFile === "") return undefined;
  try {
    return (await readFile(config.joinTokenFile, "utf8")).trim();
  } catch (cause) {
    throw new DroverError("config_invalid", `cannot read the join token from ${config.joinTokenFile}`, { cause });
  }
}
