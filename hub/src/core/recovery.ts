import type { Digest } from "@drover/shared/digest";
import type { Hello } from "@drover/shared/link/link";

/** The store as far as agents can be ahead of it. */
export interface Era {
  readonly epoch: string;
  /** A person has said that this epoch follows whatever agents hold. */
  readonly confirmed: boolean;
}

/** What a hub's store says a cluster was assigned. */
export interface Told {
  readonly generation: number;
  readonly history: readonly Digest[];
}

/**
 * Why a cluster is sent nothing: its agent has accepted what this hub's store does not know, since the store was restored
 * or lost, or another hub counts on from a copy of it. "" = it is not so. What the agent holds stays in force until a
 * person confirms the store.
 */
export function aheadOf(
  hello: Pick<Hello, "epoch" | "generation" | "accepted">,
  era: Era,
  { generation, history }: Told,
): string {
  if (hello.epoch === "") return "";
  if (hello.epoch !== era.epoch)
    return era.confirmed ? "" : "its agent follows an epoch that this hub's store is not of";
  const known = history[generation - hello.generation];
  if (hello.accepted !== undefined && known !== undefined && hello.accepted !== known) {
    return `its agent has accepted another generation ${hello.generation} than this hub's store has`;
  }
  if (hello.generation <= generation) return "";
  return `its agent has accepted generation ${hello.generation}, this hub's store knows of ${generation}`;
}
