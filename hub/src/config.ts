import { homedir } from "node:os";
import { join } from "node:path";

import {
  loadConfig,
  parseNumber,
  parseOneOf,
  parseText,
  type ConfigOf,
  type ConfigSources,
} from "@drover/shared/config";

import { parseNetworks, type NetworkRule } from "./source/web/networks.ts";

/** The hub's settings; flags, environment and help come from this table. */
export const hubOptions = {
  dataDir: {
    help: "folder of the store, the mirrors and the keys; readable by its owner only",
    parse: parseText,
    default: join(homedir(), ".local", "share", "drover", "hub"),
    placeholder: "~/.local/share/drover/hub",
  },
  apiAddress: { help: "address of the admin API", parse: parseText, default: "127.0.0.1:7474" },
  linkAddress: { help: "address that agents connect to", parse: parseText, default: "127.0.0.1:7475" },
  linkNames: {
    help: "host names and IPs that agents use to reach the hub, comma-separated; the first is put into join manifests",
    parse: parseText,
    default: "127.0.0.1,localhost",
  },
  linkAgentAddress: {
    help: "address of the hub as agents see it, host:port, for join manifests; with a standby those of both, comma-separated",
    parse: parseText,
    default: "",
    placeholder: "the first of --link-names, with the port of --link-address",
  },
  standby: {
    help: "yes: while another hub has the data folder, waits until that one ends, and takes over; see A second hub in the README",
    parse: parseOneOf("yes", "no"),
    default: "no" as const,
  },
  natsUrl: {
    help: "NATS broker that agents may come through as well, nats://host:port, several comma-separated; see nats.conf in the data folder",
    parse: parseText,
    default: "",
    placeholder: "none",
  },
  natsAgentUrl: {
    help: "the same broker as agents see it",
    parse: parseText,
    default: "",
    placeholder: "the one above",
  },
  natsOldBroker: {
    help: "accept or refuse: a broker before 2.11.16 and 2.12.7, which has known holes; accept one that a distribution has patched",
    parse: parseOneOf("accept", "refuse"),
    default: "refuse" as const,
  },
  agentImage: { help: "image of the agent in join manifests", parse: parseText, default: "drover/agent:0.1.0" },
  tokenFile: {
    help: "file with the admin token; made with a random token when it is not there",
    parse: parseText,
    default: "",
    placeholder: "admin-token in the data folder",
  },
  storeKeyFile: {
    help: "file with the keys that secrets in the store are encrypted with, one a line, the newest first; made when nothing is encrypted yet",
    parse: parseText,
    default: "",
    placeholder: "keys/store.key in the data folder",
  },
  newStoreKey: {
    help: "yes: puts a new key in front of that file and ends; a running hub goes over to it within 10 s, and others when they start",
    parse: parseOneOf("yes", "no"),
    default: "no" as const,
  },
  oidcFile: {
    help: "file that says with which identity provider people log in, and what they may do then; see Logging in in the README",
    parse: parseText,
    default: "",
    placeholder: "only tokens let people in",
  },
  sourceNetworks: {
    help: "networks of what files in Git name, comma-separated: 127.0.0.0/8 allows one, !10.0.0.0/8 refuses one; the first that fits decides",
    parse: parseNetworks,
    default: [] as readonly NetworkRule[],
    placeholder: "everywhere but on the hub's own machine",
  },
  pollSeconds: {
    help: "how often a source without an interval of its own is looked at",
    parse: parseNumber({ min: 1, max: 86_400 }),
    default: 60,
  },
  backupMinutes: {
    help: "how often the store is copied into the folder backups; 0 = only when asked",
    parse: parseNumber({ min: 0, max: 10_080 }),
    default: 60,
  },
  backupsKept: {
    help: "how many of these copies are kept",
    parse: parseNumber({ min: 1, max: 1000 }),
    default: 24,
  },
  reserveMib: {
    help: "room on the disk that the hub keeps for when there is no other; 0 = none",
    parse: parseNumber({ min: 0, max: 1024 }),
    default: 32,
  },
  restore: {
    help: "puts this backup in the place of the store and ends, without starting a hub; the hub must not be running",
    parse: parseText,
    default: "",
    placeholder: "nothing",
  },
  logLevel: {
    help: "debug, info, warn, error or silent",
    parse: parseOneOf("debug", "info", "warn", "error", "silent"),
    default: "info" as const,
  },
};

export type HubConfig = ConfigOf<typeof hubOptions>;

export function loadHubConfig(sources: ConfigSources): HubConfig {
  return loadConfig(hubOptions, sources);
}

/** What the process was started with; the only place that looks. */
export function processSources(): ConfigSources {
  return { argv: process.argv.slice(2), env: process.env };
}

/** `host:port`; `[::1]:port` for IPv6. Throws `usage`-style text for anything else. */
export function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<host>[^:]*)):(?<port>\d{1,5})$/u.exec(text);
  const port = Number(match?.groups?.["port"]);
  if (match?.groups === undefined || port > 65_535) throw new Error(`"${text}" is not an address like 127.0.0.1:7474`);
  return { host: match.groups["six"] ?? (match.groups["host"] || "0.0.0.0"), port };
}
