import { at, listAt, textAt } from "@drover/shared/json";
import semver from "semver";

/** Why a broker is not used, and what to do about it. */
export interface Weakness {
  readonly reason: string;
  readonly remedy: string;
}

/** Without CVE-2026-27889 and CVE-2026-33217, which need no login. */
const patched = ">=2.12.7 || >=2.11.16 <2.12.0-0";

/**
 * The first thing about a NATS broker that lets strangers in or stop it, by what it says of itself: the INFO of the protocol.
 * Listeners for WebSocket are seen of servers in a cluster alone, those for MQTT and leaf nodes not at all. `acceptOld`: a
 * distribution may have patched an old version.
 */
export function weaknessOf(info: unknown, { acceptOld }: { readonly acceptOld: boolean }): Weakness | undefined {
  const version = semver.valid(textAt(info, "version") ?? "");
  const isPatched = version !== null && semver.satisfies(version, patched, { includePrerelease: true });
  if (!isPatched && !acceptOld) {
    return {
      reason: `is nats-server ${version ?? "of an unknown version"}, which has holes that need no login`,
      remedy: "update it to 2.11.16, 2.12.7 or newer; of one that a distribution has patched: --nats-old-broker accept",
    };
  }
  if (at(info, "auth_required") !== true) {
    return {
      reason: "lets in whoever connects without a login",
      remedy: "configure it with the hub's nats.conf, and without no_auth_user",
    };
  }
  if (listAt(info, "ws_connect_urls").length > 0) {
    return { reason: "listens for WebSockets", remedy: "take the block websocket out of its configuration" };
  }
  return undefined;
}
