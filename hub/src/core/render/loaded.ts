import type { Position } from "@drover/shared/errors";
import type { Problem } from "@drover/shared/problems";

/** A document as a renderer found it, before anybody has looked whether it is a Kubernetes object. */
export interface LoadedDocument {
  readonly value: unknown;
  positionOf(path: readonly (string | number)[]): Position;
}

export interface Loaded {
  readonly documents: readonly LoadedDocument[];
  readonly problems: readonly Problem[];
}
