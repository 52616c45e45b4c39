import type { Position } from "@drover/shared/errors";
import type { Problem } from "@drover/shared/problems";

/** A document as a renderer found it, before anybody has looked whether it is a Kubernetes object. */
export interface LoadedDocument {
  readonly value: unknown;
  positionOf(path: readonly (string | number)[]): Position;
}

/** Takes documents as they are read. */
export interface DocumentSink {
  take(document: LoadedDocument): void;
  /** Whether there are more than an application may have: the rest need not be read. */
  readonly isFull: boolean;
}

export interface Loaded {
  readonly documents: readonly LoadedDocument[];
  readonly problems: readonly Problem[];
}
