import { Type, type Static } from "typebox";

const count = (description: string) => Type.Integer({ description });

const waveSchema = Type.Object({
  name: Type.String({ description: "`rest` is the wave of what no other names" }),
  clusters: Type.Integer(),
  current: count("Have the change and are current, or had nothing to change"),
  underWay: count("Got it and are not current yet"),
  failed: count("Failed with it, or did not become current in time"),
  pending: count("Do not have it yet"),
  deferred: count("Offline: they hold up nothing, and catch up when they are back"),
  passed: Type.Boolean({ description: "The next wave has begun" }),
});

export const rolloutSchema = Type.Object({
  strategy: Type.String(),
  revision: Type.String({ description: "What is released" }),
  next: Type.String({ description: "What waits until it has ended; empty = nothing" }),
  phase: Type.String({
    description:
      "Releasing, Soaking, AwaitingApproval, WindowClosed, NoEvidence, NoStrategy, Frozen, Paused or Complete",
  }),
  message: Type.String({ description: "One sentence; empty when complete" }),
  started: Type.Integer({ description: "When it began, in ms since the epoch" }),
  waves: Type.Array(waveSchema),
  failed: Type.Array(Type.String({ description: "Cluster" }), { description: "The first 100" }),
  waiting: Type.Array(Type.Object({ cluster: Type.String(), reason: Type.String() }), {
    description: "Clusters without the change, and why: the first 100",
  }),
});

export const heldPlacementSchema = Type.Object(
  {
    kind: Type.Enum(["spread", "withdrawal"]),
    digest: Type.String({ description: "Names exactly this change: what is confirmed is this and nothing else" }),
    clusters: Type.Integer(),
    message: Type.String({ description: "One sentence" }),
  },
  { description: "A change of where the application runs that is so wide that a person has to confirm it" },
);

export const confirmPlacementSchema = Type.Object({ digest: Type.String() }, { additionalProperties: false });

/** What a person does to the rollouts of an application. */
export const controlRolloutSchema = Type.Object(
  {
    action: Type.Enum(["pause", "resume", "approve"], {
      description: "`resume` also lets pass what has failed so far; `approve` lets the wave begin that waits for it",
    }),
    strategy: Type.Optional(Type.String({ description: "Only of this strategy; default all" })),
    revision: Type.Optional(
      Type.String({ maxLength: 128, description: "For `approve`: only while this is what is being released" }),
    ),
    wave: Type.Optional(Type.String({ description: "For `approve`: this wave, though it is not its turn yet" })),
  },
  { additionalProperties: false },
);

export type Rollout = Static<typeof rolloutSchema>;
export type ControlRollout = Static<typeof controlRolloutSchema>;
