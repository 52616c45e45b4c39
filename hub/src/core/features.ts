import { features, type Feature } from "@drover/shared/link/features";
import { defaultSync, type SyncOptions } from "@drover/shared/sync-options";

/** Whether a target that is treated so needs it. What every agent does anyway needs nothing. */
const isNeeded: Readonly<Record<Feature, (sync: SyncOptions) => boolean>> = {
  dependsOn: ({ dependsOn }) => dependsOn.length > 0,
  health: ({ healthRules }) => healthRules.length > 0,
  "sync.adopt": ({ adopt }) => adopt !== defaultSync.adopt,
  "sync.allOrNothing": ({ allOrNothing }) => allOrNothing,
  "sync.drift": ({ drift }) => drift !== defaultSync.drift,
  "sync.ignore": ({ ignore }) => ignore.length > 0,
  "sync.serviceAccount": ({ serviceAccount }) => serviceAccount !== "",
};

/** Of what an agent says, what this hub knows of, sorted. */
export function knownFeatures(said: readonly string[] = []): readonly Feature[] {
  return features.filter((feature) => said.includes(feature));
}

/**
 * What a target needs and its agent does not understand. Such a target is held: an agent that takes it, and leaves out what
 * it does not read, would write with its own rights, undo what others are to have, or call healthy what is not (E72). It
 * keeps what it has of that application, as of everything that an envelope does not name, and all else goes on.
 */
export function lackedFeatures(sync: SyncOptions, understood: readonly string[] = []): readonly Feature[] {
  return features.filter((feature) => isNeeded[feature](sync) && !understood.includes(feature));
}
