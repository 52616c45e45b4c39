import type { Hello } from "@drover/shared/link/link";

/** The store as far as agents can be ahead of it. */
export interface Era {
  readonly epoch: string;
  /** A person has said that this epoch follows whatever agents hold. */
  readonly confirmed: boolean;
}

/**
 * Why a cluster is sent nothing: its agent has accepted what this hub's store does not know, since the store was restored
 * or lost. "" = it is not so. What the agent holds stays in force until a person confirms the store.
 */
export function aheadOf(hello: Pick<Hello, "epoch" | "generation">, era: Era, generation: number): string {
  if (hello.epoch === "") return "";
  if (hello.epoch !== era.epoch)
    return era.confirmed ? "" : "its agent follows an epoch that this hub's store is not of";
  if (hello.generation <= generation) return "";
  return `its agent has accepted generation ${hello.generation}, this hub's store knows of ${generation}`;
}
