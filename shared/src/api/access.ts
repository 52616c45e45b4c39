import { Type, type Static } from "typebox";

import { sourceQuerySchema, stateSchema } from "./types.ts";

/** What a token may be for, the narrowest first. What each may do is in the hub's `core/access/roles`. */
export const roles = [
  "viewer",
  "editor",
  "approver",
  "rollout-operator",
  "cluster-registrar",
  "security-admin",
  "auditor",
  "owner",
] as const;

export type Role = (typeof roles)[number];

const name = Type.String({ pattern: "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", description: "Name, unique in the hub" });
const rolesSchema = Type.Array(Type.Enum([...roles]), { description: "What it may do" });
const scope = Type.String({ description: "Selector of the clusters that it is for; empty = everything" });

export const dayMs = 86_400_000;
/** The longest that a token may live. */
export const maxTokenDays = 90;

/** What a request is known by: a token, without the token itself. */
const held = {
  name: Type.String({ description: "Name of the token, or of the person who logged in" }),
  roles: rolesSchema,
  scope,
  expires: Type.Integer({ description: "In ms since the epoch; 0 = never" }),
};

const person = Type.Object(
  {
    issuer: Type.String(),
    subject: Type.String({ description: "Who it is for the issuer, whatever they are called" }),
    session: Type.String({ description: "Id of the login; empty = an access token of the issuer" }),
  },
  { description: "Absent for tokens" },
);

export const holderSchema = Type.Object({ ...held, person: Type.Optional(person) });

export const tokenSchema = Type.Object({
  ...held,
  state: stateSchema,
  reason: Type.String({ description: "That it has ended; empty when current" }),
  since: Type.Integer({ description: "When it was made, in ms since the epoch" }),
  createdBy: Type.String({ description: "Who made it: name of a token or a person" }),
  used: Type.Integer({ description: "When it was used last, to five minutes, in ms since the epoch; 0 = never" }),
});

export const createTokenSchema = Type.Object(
  {
    name,
    roles: Type.Array(Type.Enum([...roles]), { minItems: 1, maxItems: roles.length, description: "What it may do" }),
    scope: Type.Optional(
      Type.String({ maxLength: 1024, description: "Selector of the clusters that it is for, as env=prod" }),
    ),
    expiresInSeconds: Type.Optional(
      Type.Integer({ minimum: 60, maximum: (maxTokenDays * dayMs) / 1000, description: "Default: 86400, a day" }),
    ),
  },
  { additionalProperties: false },
);

export const createdTokenSchema = Type.Object({
  ...tokenSchema.properties,
  token: Type.String({ description: "The token itself, which is told this once" }),
});

export const tokenQuerySchema = sourceQuerySchema;

export const canQuerySchema = Type.Object(
  {
    verb: Type.String({ maxLength: 64, description: "read, approve, label …" }),
    kind: Type.String({ maxLength: 64, description: "cluster, application, target, source …" }),
    name: Type.Optional(Type.String({ maxLength: 256, description: "One of them; a target is written app@cluster" })),
  },
  { additionalProperties: false },
);

export const canSchema = Type.Object({
  allowed: Type.Boolean(),
  reason: Type.String({ description: "Why not; empty when allowed" }),
  roles: Type.Array(Type.Enum([...roles]), { description: "Those that may" }),
});

export const auditEntrySchema = Type.Object({
  id: Type.Integer({ description: "Counts up by one" }),
  at: Type.Integer({ description: "In ms since the epoch" }),
  actor: Type.String({ description: "Name of the token or the person; empty when none was known" }),
  person: Type.Optional(person),
  verb: Type.String(),
  kind: Type.String(),
  name: Type.String({ description: "What it was done to; empty when to no one thing" }),
  request: Type.String({ description: "Id of the request, as in its answer and in the hub's log" }),
  address: Type.String({ description: "Where the request came from" }),
  result: Type.String({ description: "`done`, or the code of the error" }),
  reason: Type.String({ description: "Why it was refused; empty when done" }),
  changed: Type.Array(Type.String(), { description: "The fields that changed, without their values" }),
  previous: Type.String({ description: "Hash of the entry before" }),
  hash: Type.String({ description: "SHA-256 of everything else in this entry" }),
});

export const auditQuerySchema = Type.Object(
  {
    after: Type.Optional(Type.Integer({ minimum: 0, description: "Only entries with a higher id" })),
    since: Type.Optional(Type.Integer({ minimum: 0, description: "Only entries of this time or later, in ms" })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: "Entries on a page; default 100" })),
  },
  { additionalProperties: false },
);

export const auditListSchema = Type.Object({
  items: Type.Array(auditEntrySchema),
  next: Type.Integer({ description: "`after` of the next page" }),
  newest: Type.Integer({ description: "Id of the newest entry" }),
});

export const auditCheckSchema = Type.Object({
  entries: Type.Integer({ description: "How many are kept" }),
  first: Type.Integer({ description: "Id of the oldest that is kept; those before it have left their hash" }),
  last: Type.Integer({ description: "Id of the newest" }),
  hash: Type.String({
    description: "Hash of the newest: whoever notes it elsewhere can tell later that nothing was rewritten",
  }),
  broken: Type.Integer({ description: "Id of the first entry that does not follow from those before it; 0 = none" }),
});

export type TokenHolder = Static<typeof holderSchema>;
export type Token = Static<typeof tokenSchema>;
export type CreateToken = Static<typeof createTokenSchema>;
export type CreatedToken = Static<typeof createdTokenSchema>;
export type TokenQuery = Static<typeof tokenQuerySchema>;
export type CanQuery = Static<typeof canQuerySchema>;
export type Can = Static<typeof canSchema>;
export type AuditEntry = Static<typeof auditEntrySchema>;
export type AuditQuery = Static<typeof auditQuerySchema>;
export type AuditList = Static<typeof auditListSchema>;
export type AuditCheck = Static<typeof auditCheckSchema>;
