import { Type, type Static } from "typebox";

/** A copy of the hub's store, in its data folder. */
export const backupSchema = Type.Object({
  name: Type.String(),
  bytes: Type.Integer(),
  at: Type.Integer({ description: "When it was made, ms since the epoch" }),
});

/** Whether agents are ahead of the hub's store, because it was restored or lost. */
export const recoverySchema = Type.Object({
  held: Type.Array(Type.Object({ cluster: Type.String(), message: Type.String() }), {
    description: "Clusters that are sent nothing until a person confirms",
  }),
  unread: Type.Array(Type.String(), {
    description: "Sources and applications that were not looked at since the start: confirming waits for them",
  }),
});

export const confirmRecoverySchema = Type.Object(
  { force: Type.Optional(Type.Boolean({ description: "Also while sources are not read: clusters may go back" })) },
  { additionalProperties: false },
);

export type Backup = Static<typeof backupSchema>;
export type Recovery = Static<typeof recoverySchema>;
export type ConfirmRecovery = Static<typeof confirmRecoverySchema>;
