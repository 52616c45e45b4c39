import { Type, type Static } from "typebox";

/** Who can tell of pushes: Gitea is Forgejo too, Bitbucket is Cloud and Data Center, generic is whoever can sign. */
export const forges = ["github", "gitlab", "gitea", "bitbucket", "generic"] as const;

const forge = Type.Enum([...forges], {
  description: "Who sends, which says how it is proved; `generic` signs with the header X-Drover-Signature",
});

export const setWebhookSchema = Type.Object(
  {
    forge,
    rotate: Type.Optional(Type.Boolean({ description: "Make a new secret; the old one is worth nothing at once" })),
  },
  { additionalProperties: false },
);

export const sourceWebhookSchema = Type.Object({
  name: Type.String({ description: "Source" }),
  forge,
  path: Type.String({ description: "Where the forge sends to, below the address of the hub: /webhooks/NAME" }),
  secret: Type.String({ description: "What the forge signs with, or sends" }),
});

export type Forge = (typeof forges)[number];
export type SetWebhook = Static<typeof setWebhookSchema>;
export type SourceWebhook = Static<typeof sourceWebhookSchema>;
