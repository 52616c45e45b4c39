import type { Position } from "@drover/shared/errors";
import type { Problem } from "@drover/shared/problems";

import type { PackedManifest } from "../packed-manifest.ts";

/** A document as a renderer found it, before anybody has looked whether it is a Kubernetes object. */
export interface LoadedDocument {
  readonly value: unknown;
  positionOf(path: readonly (string | number)[]): Position;
}

export interface Loaded {
  readonly documents: readonly LoadedDocument[];
  readonly problems: readonly Problem[];
}

/** What a file holds, whatever it is rendered for, without the places of each field that the file was read with. */
export interface ReadFile {
  readonly parts: readonly ReadPart[];
  /** Of the file itself. */
  readonly problems: readonly Problem[];
}

/** One object, or what keeps it from being one. */
export interface ReadPart {
  readonly manifest: PackedManifest | undefined;
  readonly at: Position;
  readonly faults: readonly Problem[];
}

/** Takes what was read. */
export interface PartSink {
  take(parts: readonly ReadPart[]): void;
  /** Whether there is more than an application may have: the rest need not be read. */
  readonly isFull: boolean;
}
