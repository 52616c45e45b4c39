import { connect } from "node:net";

import { DroverError } from "@drover/shared/errors";
import type { Client, ClientChannel, ServerHostKeyAlgorithm } from "ssh2";

import { unreachable } from "../web/https-request.ts";
import type { Networks } from "../web/networks.ts";
import { whereToAdd, type DeployKey } from "./deploy-keys.ts";
import type { KnownHost } from "./known-host.ts";
import type { SshAddress } from "./ssh-address.ts";
import { formatPrivateKey, keyType, publicKeyOf, type PublicKey } from "./ssh-keys.ts";

export interface SshLogin {
  readonly address: SshAddress;
  readonly networks: Networks;
  readonly deployKey: DeployKey;
  readonly knownHost: KnownHost;
}

/** Strongest first; SHA-1 is left out. */
const hostKeyAlgorithms: readonly ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/**
 * Connects and logs in. The signal ends the connection at any time. Throws `host_key_changed`, `source_auth`,
 * `source_unreachable`, `forbidden` for an address that may not be reached.
 */
export async function connectSsh(login: SshLogin, signal: AbortSignal): Promise<Client> {
  login.networks.check(login.address.host);
  // Half a megabyte that a hub without such sources never runs.
  const { default: ssh2 } = await import("ssh2");
  signal.throwIfAborted();
  const client = new ssh2.Client();
  const stop = (): unknown => client.destroy();
  signal.addEventListener("abort", stop, { once: true });
  client.once("close", () => signal.removeEventListener("abort", stop));
  let refusal: unknown;
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  client.once("ready", () => resolve(undefined));
  // After the first error more of them may come, at any time: the connection is given up already.
  client.on("error", (cause) => reject(refusal ?? explain(cause, login)));
  client.once("close", () => reject(unreachable(login.address.url, "the connection was closed")));
  client.connect({
    sock: connect({ host: login.address.host, port: login.address.port, lookup: login.networks.lookup }),
    username: login.address.username,
    privateKey: formatPrivateKey(login.deployKey.privateKey),
    authHandler: ["publickey"],
    algorithms: { serverHostKey: preferPinned(login.knownHost.pinned) },
    // The signal bounds the time.
    readyTimeout: 0,
    hostVerifier: (blob: Buffer) => {
      const shown = publicKeyOf(blob);
      if (shown === undefined) return false;
      try {
        login.knownHost.check(shown);
        return true;
      } catch (cause) {
        refusal = cause;
        return false;
      }
    },
  });
  try {
    await promise;
    return client;
  } catch (cause) {
    client.destroy();
    signal.throwIfAborted();
    throw cause;
  }
}

/** A command that was started on a server. */
export interface RemoteCommand {
  readonly channel: ClientChannel;
  /** The exit code once it has ended; undefined when the connection broke before that. Never rejects. */
  readonly exit: Promise<number | undefined>;
  /** The beginning of what it has said on stderr. */
  complaint(): string;
}

const maxComplaint = 2048;

/** Starts a command; the server may pass over the variables. */
export async function startCommand(
  client: Client,
  command: string,
  env: Readonly<Record<string, string>>,
): Promise<RemoteCommand> {
  const started = Promise.withResolvers<ClientChannel>();
  client.exec(command, { env: { ...env } }, (cause, channel) => {
    if (cause === undefined) started.resolve(channel);
    else started.reject(cause);
  });
  const channel = await started.promise;
  const ended = Promise.withResolvers<number | undefined>();
  let code: number | undefined;
  channel.once("exit", (value: number | null) => void (code = value ?? -1));
  channel.once("close", () => ended.resolve(code));
  client.once("close", () => ended.resolve(code));
  // The reader of the channel is told as well.
  channel.on("error", () => undefined);
  let complaint = "";
  channel.stderr.on("data", (chunk: Uint8Array) => {
    complaint = (complaint + new TextDecoder().decode(chunk)).slice(0, maxComplaint);
  });
  return { channel, exit: ended.promise, complaint: () => complaint };
}

/** The command ended, or said what Git does not say. */
export function missingRepository({ address, deployKey }: SshLogin, said: string): DroverError {
  return new DroverError("source_missing", `there is no repository at ${address.url}${quoted(said)}`, {
    hint: `check the address; a server also answers so when its key is missing: ${askToAdd(deployKey)}`,
  });
}

/** Git ended with an error after it was asked for a commit. */
export function refusedRequest({ address }: SshLogin, said: string): DroverError {
  return new DroverError("source_ref_missing", `${address.url} does not give the commit${quoted(said)}`, {
    hint: "many servers give a commit by its id only while it is the newest of a branch: name the branch or a tag",
  });
}

/** A server with several keys is to show one of a kind that is pinned; another kind tells that it has none of these. */
function preferPinned(hostKeys: readonly PublicKey[]): ServerHostKeyAlgorithm[] {
  const pinned = new Set(hostKeys.map((key) => keyType(key)));
  const isPinned = (algorithm: string): boolean => pinned.has(algorithm.startsWith("rsa-") ? "ssh-rsa" : algorithm);
  return hostKeyAlgorithms.toSorted((a, b) => Number(isPinned(b)) - Number(isPinned(a)));
}

function explain(cause: Error & { readonly level?: string; readonly code?: string }, login: SshLogin): DroverError {
  const { address, deployKey } = login;
  if (cause instanceof DroverError) return cause;
  if (cause.level === "client-authentication") {
    return new DroverError("source_auth", `${address.url} refuses the deploy key of this source`, {
      hint: askToAdd(deployKey),
    });
  }
  if (cause.level === "client-socket") return unreachable(address.url, cause.code ?? "the connection failed");
  return unreachable(address.url, "what answers speaks no SSH that the hub accepts");
}

function askToAdd({ publicLine }: DeployKey): string {
  return `add "${publicLine}" to ${whereToAdd}`;
}

/** One short line of what a stranger's server says. */
function quoted(text: string): string {
  const line = text
    .replaceAll(/[\p{Cc}\s]+/gu, " ")
    .replaceAll('"', "'")
    .trim()
    .slice(0, 200);
  return line === "" ? "" : `: the server says "${line}"`;
}
