import type { Position } from "./errors.ts";
import type { Problem } from "./problems.ts";

export interface DecodeLimits {
  /** Size of the file, and of each document once its aliases are expanded. */
  readonly maxBytes: number;
  /** Nesting of maps and lists. */
  readonly maxDepth: number;
  /** Scalars, maps and lists of a file, counted as often as aliases repeat them. */
  readonly maxNodes: number;
  readonly maxAliases: number;
}

/** security-reliability §1.4. */
export const defaultDecodeLimits: DecodeLimits = {
  maxBytes: 1024 * 1024,
  maxDepth: 64,
  maxNodes: 100_000,
  maxAliases: 100,
};

export type Path = readonly (string | number)[];

/** One document that has content, as JSON data. */
export interface YamlDocument {
  readonly value: unknown;
  readonly at: Position;
  /** Where the key (or list item) at the path is written; of the nearest parent that exists when it is not. */
  positionOf(path: Path): Position;
}

export interface Decoded {
  readonly documents: readonly YamlDocument[];
  readonly problems: readonly Problem[];
}

/** Reads YAML or JSON. Documents without content are left out; a document with a problem is too. */
export function decodeYaml(file: string, bytes: Uint8Array, limits: DecodeLimits = defaultDecodeLimits): Decoded {
  void [file, bytes, limits];
  return { documents: [], problems: [] };
}
