import { lookup as lookupAddress } from "node:dns";
import { BlockList, isIP, isIPv4, type LookupFunction } from "node:net";

import { DroverError } from "@drover/shared/errors";

/** Which addresses a source may be at. */
export interface Networks {
  /** Throws `forbidden` for an address that it may not; a name is looked at when it is resolved. */
  check(host: string): void;
  /** As Node's own, but it gives only addresses where a source may be: what is checked is what is connected to. */
  readonly lookup: LookupFunction;
}

/** Whether addresses of a network may be reached. */
export interface NetworkRule {
  readonly allowed: boolean;
  /** `10.0.0.0/8`, `fd00::/8`, or a single address. */
  readonly network: string;
}

/** Where clouds keep the credentials of a machine, and what else no other machine has: nobody's source is there. */
const neverReached = listOf(["169.254.0.0/16", "fe80::/10", "fd00:ec2::254", "100.100.100.200"]);
/** The machine of the hub itself, and addresses of no machine. */
const ownMachine = listOf(["127.0.0.0/8", "::1", "0.0.0.0/8", "::", "224.0.0.0/4", "255.255.255.255", "ff00::/8"]);

/** For addresses that people gave to the hub: wherever they say, but for `neverReached`. */
export const peoplesNetworks: Networks = createNetworks([
  { allowed: true, network: "0.0.0.0/0" },
  { allowed: true, network: "::/0" },
]);

/**
 * For addresses that files in Git, and servers that these lead to, name. The first rule that holds an address decides;
 * without one it may be everywhere but on the hub's own machine.
 */
export function createNetworks(rules: readonly NetworkRule[], resolve: typeof lookupAddress = lookupAddress): Networks {
  const lists = rules.map(({ allowed, network }) => ({ allowed, list: listOf([network]) }));
  const mayReach = (address: string): boolean => {
    if (holds(neverReached, address)) return false;
    return lists.find(({ list }) => holds(list, address))?.allowed ?? !holds(ownMachine, address);
  };
  return {
    check(host) {
      const address = host.replace(/^\[(.*)\]$/u, "$1");
      if (isIP(address) !== 0 && !mayReach(address)) throw refusal(address);
    },
    lookup(hostname, options, done) {
      resolve(hostname, { ...options, all: true }, (error, found) => {
        if (error !== null) {
          done(error, "");
          return;
        }
        const reached = found.filter(({ address }) => mayReach(address));
        const [first] = reached;
        if (first === undefined) done(refusal(hostname), "");
        else if (options.all === true) done(null, reached);
        else done(null, first.address, first.family);
      });
    },
  };
}

/** `127.0.0.0/8,!10.0.0.0/8`: networks that are allowed and, with an exclamation mark, refused. Throws what is no network. */
export function parseNetworks(text: string): readonly NetworkRule[] {
  const parts = text.split(",").map((part) => part.trim());
  return parts
    .filter((part) => part !== "")
    .map((part) => {
      const allowed = !part.startsWith("!");
      const network = allowed ? part : part.slice(1).trim();
      const [, address = "", prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/u.exec(network) ?? [];
      const family = isIP(address);
      if (family !== 0 && !address.includes("%") && Number(prefix ?? 0) <= (family === 6 ? 128 : 32))
        return { allowed, network };
      throw new Error(`"${part}" is not a network like 10.0.0.0/8, or !10.0.0.0/8 to refuse it`);
    });
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    if (isIPv4(address)) {
      const bits = Number(prefix ?? 32);
      list.addSubnet(address, bits, "ipv4");
      // What gateways take for the same address; as ::ffff:0:0/96 the list knows it by itself.
      const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
      list.addSubnet(`64:ff9b::${address}`, 96 + bits, "ipv6");
      list.addSubnet(`::${address}`, 96 + bits, "ipv6");
      list.addSubnet(`2002:${hex(a, b)}:${hex(c, d)}::`, 16 + bits, "ipv6");
    } else list.addSubnet(address, Number(prefix ?? 128), "ipv6");
  }
  return list;
}

function hex(high: number, low: number): string {
  return (high * 256 + low).toString(16);
}

function holds(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

function refusal(host: string): DroverError {
  return new DroverError("forbidden", `${host} is at an address that this source may not be read from`, {
    hint:
      "never from link-local addresses; from the hub's own machine, and what --source-networks refuses, only what people " +
      "added to the hub",
  });
}
