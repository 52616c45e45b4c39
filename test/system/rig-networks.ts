import { createNetworks, parseNetworks } from "@drover/hub/source/web/networks";

/** Servers of the rig are on loopback, where a hub lets nothing that Git names be. For `--source-networks`. */
export const rigNetworkList = "127.0.0.0/8";

export const rigNetworks = createNetworks(parseNetworks(rigNetworkList));
