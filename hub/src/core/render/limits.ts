import { defaultDecodeLimits, type DecodeLimits } from "@drover/shared/decode";

/** What one application may come to (security-reliability §1.4). */
export const maxObjects = 5000;
export const maxOutputBytes = 16 * 1024 * 1024;
/** An API server takes 3 MiB in a request and etcd 1.5 MiB in a value. */
export const maxObjectBytes = 1.5 * 1024 * 1024;

/** What a program printed is one file, so it gets the room of a whole application. */
export const outputLimits: DecodeLimits = { ...defaultDecodeLimits, maxBytes: maxOutputBytes, maxNodes: 2_000_000 };
