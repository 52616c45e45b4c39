import type { Problem } from "@drover/shared/problems";

import type { Application } from "./application.ts";
import type { DeclaredCluster } from "./cluster.ts";
import type { Placement } from "./placement.ts";

export type Declaration = Application | Placement | DeclaredCluster;

export interface Declarations {
  readonly declarations: readonly Declaration[];
  readonly problems: readonly Problem[];
}

/** Reads Drover's own documents of a file. Documents of other kinds are left to the renderers. */
export function readDeclarations(repository: string, file: string, bytes: Uint8Array): Declarations {
  void [repository, file, bytes];
  return { declarations: [], problems: [] };
}

/** Whether the file can hold a declaration: lets all others go unparsed. */
export function mayDeclare(bytes: Uint8Array): boolean {
  void bytes;
  return false;
}
