import { lookup as lookupAddress } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

import { DroverError } from "@drover/shared/errors";

/** Link-local addresses, where clouds keep the credentials of a machine: no chart is there, and a file in Git may name any. */
const refused = new BlockList();
refused.addSubnet("169.254.0.0", 16, "ipv4");
refused.addSubnet("fe80::", 10, "ipv6");
refused.addAddress("fd00:ec2::254", "ipv6");
refused.addAddress("100.100.100.200", "ipv4");

/** Throws `forbidden` for an address of such a kind; a name is looked at when it is resolved. */
export function refuseLocalLink(hostname: string): void {
  const host = hostname.replace(/^\[(.*)\]$/u, "$1");
  const family = isIP(host);
  if (family !== 0 && refused.check(host, family === 6 ? "ipv6" : "ipv4")) throw refusal(host);
}

/** As Node's own, but for what `refuseLocalLink` refuses: what is checked is what is connected to. */
export const safeLookup: LookupFunction = (hostname, options, done) => {
  lookupAddress(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      done(error, "");
      return;
    }
    const allowed = addresses.filter(({ address, family }) => !refused.check(address, family === 6 ? "ipv6" : "ipv4"));
    const [first] = allowed;
    if (first === undefined) done(refusal(hostname), "");
    else if (options.all === true) done(null, allowed);
    else done(null, first.address, first.family);
  });
};

function refusal(host: string): DroverError {
  return new DroverError("forbidden", `${host} is an address that only this machine's own network has`);
}
