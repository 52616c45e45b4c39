import { defaultDecodeLimits, type DecodeLimits } from "@drover/shared/decode";

/** What one application may come to (E16): 20,000 objects of 2.5 KB, and a quarter more. */
export const maxObjects = 25_000;
export const maxContentBytes = 64 * 1024 * 1024;
/** An API server takes 3 MiB in a request and etcd 1.5 MiB in a value. */
export const maxObjectBytes = 1.5 * 1024 * 1024;

/** What kustomize or Helm may print: it is read as one file, which takes about ten times its size. */
export const maxPrintedBytes = 16 * 1024 * 1024;
/** What a program printed is one file, so it gets the room of a whole application. */
export const printedLimits: DecodeLimits = {
  ...defaultDecodeLimits,
  maxBytes: maxPrintedBytes,
  maxNodes: 2_000_000,
  maxDocuments: maxObjects,
};
