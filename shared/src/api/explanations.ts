import { Type, type Static } from "typebox";

import { positionSchema, problemSchema, stateSchema } from "./types.ts";

/** Answers to "why is it so": which placement chose a target, and what set each field of its objects. */

const text = (description: string) => Type.String({ description });

const place = {
  repository: text("Repository; empty when it is in none"),
  at: Type.Optional(positionSchema),
};

export const originSchema = Type.Object(
  {
    kind: Type.Enum(["manifest", "kustomize", "chart", "override", "application", "drover"], {
      description:
        "`kustomize` and `chart`: the nearest that is known, because their output has no places; `drover`: a default that it makes",
    }),
    ...place,
    placement: Type.Optional(text("Of an override")),
    part: Type.Optional(text("Of an override or an application: `patches[0]`, `helm.values`")),
  },
  { description: "What set a field" },
);

const variableSchema = Type.Object({
  name: text("cluster.vars.domain"),
  kind: Type.Enum(["override", "cluster", "hub", "fact", "default", "name", "missing"], {
    description: "Who gave the value: an override, the cluster's declaration, `drover cluster label`, the agent",
  }),
  ...place,
});

export const blameSchema = Type.Object({
  app: Type.String(),
  cluster: Type.String(),
  object: text("Deployment.apps shop/web"),
  value: Type.Record(Type.String(), Type.Unknown(), { description: "The object; secrets are masked" }),
  fields: Type.Array(
    Type.Object({
      path: text("Kubernetes field path"),
      pointer: text("JSON pointer into `value`"),
      origin: originSchema,
      variables: Type.Array(variableSchema, { description: "What filled the value in" }),
    }),
    { description: "Every scalar and every empty list or map, in the order of `value`" },
  ),
  problems: Type.Array(problemSchema, { description: "With an error among them the cluster keeps what it has" }),
});

const requirementSchema = Type.Object({
  text: text("What the placement asks for: `env=prod`"),
  holds: Type.Boolean(),
  has: text("What the cluster has: `env=dev`"),
  kind: Type.Enum(["cluster", "hub", "fact", "none"], { description: "Who says so" }),
  ...place,
  hint: Type.Optional(text("What was probably meant")),
});

const decisionSchema = Type.Object({
  name: text("Placement"),
  ...place,
  selected: Type.Boolean(),
  reason: text("One sentence"),
  requirements: Type.Array(requirementSchema, { description: "In order; the first that does not hold decides" }),
  instead: Type.Array(Type.String(), { description: "Clusters that a limited choice took instead; up to 10" }),
});

const heldOverrideSchema = Type.Object({
  placement: Type.String(),
  ...place,
  holds: Type.Boolean(),
  reason: text("One sentence"),
  sets: Type.Array(
    Type.Object({
      part: text("patches[0]"),
      objects: Type.Integer({ description: "Objects that it changes" }),
      fields: Type.Integer({ description: "Fields that it sets or takes away" }),
    }),
  ),
});

export const whySchema = Type.Object({
  app: Type.String(),
  cluster: Type.String(),
  selected: Type.Boolean({ description: "Whether any placement selects the cluster" }),
  placements: Type.Array(decisionSchema, { description: "Every placement of the application" }),
  overrides: Type.Array(heldOverrideSchema, { description: "Of the placements that select it, in order" }),
  problems: Type.Array(problemSchema),
  waiting: Type.Optional(text("Why nothing can be rendered for the cluster yet: what its agent has not told")),
  target: Type.Optional(
    Type.Object(
      {
        state: stateSchema,
        reason: Type.String(),
        message: Type.String(),
        revision: text("Commit that is desired"),
        bundle: text("Digest of the desired bundle"),
      },
      { description: "What is assigned; absent before that, and without a hub" },
    ),
  ),
});

export const blameQuerySchema = Type.Object(
  {
    object: Type.String({ minLength: 3, maxLength: 600, description: "deployment/web, deployments.apps/web" }),
    namespace: Type.Optional(Type.String({ maxLength: 63 })),
  },
  { additionalProperties: false },
);

export type Origin = Static<typeof originSchema>;
export type Variable = Static<typeof variableSchema>;
export type BlameResult = Static<typeof blameSchema>;
export type BlameQuery = Static<typeof blameQuerySchema>;
export type WhyResult = Static<typeof whySchema>;
export type PlacementReason = WhyResult["placements"][number];
export type Requirement = PlacementReason["requirements"][number];
export type OverrideReason = WhyResult["overrides"][number];
