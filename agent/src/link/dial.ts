import { isIP } from "node:net";
import { checkServerIdentity, createSecureContext } from "node:tls";

import { maxAgentMessageBytes, maxHubMessageBytes } from "@drover/shared/link/link";
import { hubServerName } from "@drover/shared/trust/certificate";
import { type ChannelCredentials, type ChannelOptions, credentials } from "@grpc/grpc-js";

export interface Trust {
  /** PEM of the hub's authority: the only one that is trusted. */
  readonly authority: string;
  /** What the agent shows; absent when it has nothing yet. */
  readonly own?: { readonly certificate: string; readonly privateKey: string };
}

/** TLS 1.3 to a hub of this authority, wherever it is: its certificate must carry `hubServerName`. */
export function channelCredentials({ authority, own }: Trust): ChannelCredentials {
  const context = createSecureContext({
    ca: authority,
    minVersion: "TLSv1.3",
    ...(own === undefined ? {} : { cert: own.certificate, key: own.privateKey }),
  });
  return credentials.createFromSecureContext(context, {
    checkServerIdentity: (_host, certificate) => checkServerIdentity(hubServerName, certificate),
  });
}

/** For a channel that lives as long as one connection: connecting again is the link's own business. */
export function channelOptions(address: string): ChannelOptions {
  const host = hostOf(address);
  return {
    "grpc.max_receive_message_length": maxHubMessageBytes,
    "grpc.max_send_message_length": maxAgentMessageBytes,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_channelz": 0,
    // A proxy named by the environment would see a hub it cannot reach; agents dial the hub itself.
    "grpc.enable_http_proxy": 0,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 15_000,
    // 64 KiB would hold a blob of 10 MiB back for 16 s at 100 ms of round trip.
    "grpc-node.flow_control_window": 1024 * 1024,
    // TLS knows no IP addresses as server names.
    ...(isIP(host) === 0 ? {} : { "grpc.ssl_target_name_override": hubServerName }),
  };
}

/** `host:port` or `[v6]:port`. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":")).replaceAll(/^\[|\]$/gu, "");
}

export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
