import { createAgentService } from "@drover/hub/link/agent-service";
import { defaultLinkLimits, type LinkLimits } from "@drover/hub/link/limits";
import type { Peer } from "@drover/hub/link/peers";
import { Sessions } from "@drover/hub/link/sessions";
import type { HubLink } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";

import type { Certificate, Network } from "./network.ts";
import type { Life, Time } from "./time.ts";

export interface HubLinkOptions {
  readonly life: Life;
  readonly time: Time;
  readonly network: Network;
  readonly log: Logger;
  /** Default: those of a hub. */
  readonly limits?: LinkLimits;
}

const sweepMs = 1_000;

/** As `createGrpcLink` does it, with connections that come from the network instead of a listener. */
export function createHubLink({ life, time, network, log, limits = defaultLinkLimits }: HubLinkOptions): HubLink {
  const clock = time.clockOf(life);
  const peers = new Map<string, Peer>();
  let sessions: Sessions | undefined;
  return {
    async run(handler, _ready, signal) {
      const running = new Sessions(limits, (cluster, end) => handler.disconnected(cluster, end));
      sessions = running;
      const findPeer = (endpoint: string): Peer | undefined => peers.get(endpoint);
      network.open({
        life,
        service: createAgentService({ handler, sessions: running, findPeer, limits, clock, log }),
        opened: (endpoint, certificate, destroy) => void peers.set(endpoint, peerOf(certificate, clock.now(), destroy)),
        async renew(certificate) {
          const request = { csr: new Uint8Array(), key: enrolmentKeyOf(certificate.cluster), expired: false };
          const { cluster, certificate: issued } = await handler.renew(certificate, request, signal);
          return { cluster, generation: Number(issued) };
        },
        closed: (endpoint) => void peers.delete(endpoint),
      });
      while (!signal.aborted) {
        await clock.sleep(sweepMs, signal).catch(() => undefined);
        if (signal.aborted) break;
        running.sweep(clock.now());
        for (const peer of peers.values()) {
          const { cluster = "", generation } = peer;
          if (!handler.holds({ cluster, generation })) peer.destroy();
        }
      }
      running.endAll({ graceful: false, reason: "the hub stops" }, clock.now());
      await clock.sleep(limits.goodbyeMs, new AbortController().signal);
      network.close();
    },
    send: (cluster, message) => life.alive && (sessions?.find(cluster)?.send(message) ?? false),
    disconnect(cluster, reason) {
      const session = life.alive ? sessions?.find(cluster) : undefined;
      if (session !== undefined) sessions?.end(session, { graceful: false, reason }, clock.now());
    },
  };
}

/** By which the agent of a cluster proves who it is when no certificate can. */
export function enrolmentKeyOf(cluster: string): string {
  return `key of ${cluster}`;
}

function peerOf({ fault, ...certificate }: Certificate, sinceMs: number, destroy: () => void): Peer {
  const { generation } = certificate;
  const cluster = fault === "foreign" ? undefined : certificate.cluster;
  const validity = { notBeforeMs: 0, notAfterMs: fault === "expired" ? sinceMs : Number.POSITIVE_INFINITY };
  return { address: "10.0.0.1", sinceMs, cluster, generation, validity, receivedBytes: () => 0, destroy };
}
