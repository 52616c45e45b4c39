import { Type, type Static } from "typebox";

/** A null value removes the label. */
export const labelClusterSchema = Type.Object(
  { labels: Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()])) },
  { additionalProperties: false },
);

/** What keeps new applications away from a cluster, or lets them come again. */
export const cordonClusterSchema = Type.Object(
  {
    cordoned: Type.Boolean({ description: "false lifts what was set here; what Git says of the cluster stays" }),
    reason: Type.Optional(Type.String({ maxLength: 256, description: "Told to those who ask why nothing new comes" })),
  },
  { additionalProperties: false },
);

export const revokeClusterSchema = Type.Object(
  { reason: Type.Optional(Type.String({ maxLength: 256, description: "Told to whoever asks why, and to the agent" })) },
  { additionalProperties: false },
);

export type CordonCluster = Static<typeof cordonClusterSchema>;
export type RevokeCluster = Static<typeof revokeClusterSchema>;
export type LabelCluster = Static<typeof labelClusterSchema>;
