/**
 * What of an `Assignment` an agent has to understand, since nobody would notice that it does not: named as people write it
 * in Git. An agent says in its hello which it knows. What is only reported, or has the same effect later, is not among them,
 * and neither is what objects say themselves (waves, hooks).
 */
export const features = [
  "dependsOn",
  "health",
  "sync.adopt",
  "sync.allOrNothing",
  "sync.drift",
  "sync.ignore",
  "sync.serviceAccount",
] as const;
export type Feature = (typeof features)[number];

/** How many an agent may name, and how long a name may be: one that is newer knows more than the hub. */
export const maxFeatures = 64;
export const maxFeatureLength = 64;
