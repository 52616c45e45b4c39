import { Type, type Static } from "typebox";

import { holderSchema } from "./access.ts";

/** What the page that logs in here keeps its login in. Browsers take a name like this only with all that makes it safe. */
export const sessionCookie = "__Host-drover-session";
/** Whatever changes something with that cookie shows in this header what only a page of the hub can read. */
export const pageTokenHeader = "x-drover-page-token";

/** Somebody who logged in at the identity provider. */
export const sessionSchema = Type.Object({
  id: Type.String({ description: "Names it, and is no secret" }),
  kind: Type.Enum(["browser", "command"]),
  name: Type.String({ description: "How the person is called" }),
  issuer: Type.String(),
  subject: Type.String({ description: "Who it is for the issuer, whatever they are called" }),
  roles: holderSchema.properties.roles,
  scope: holderSchema.properties.scope,
  since: Type.Integer({ description: "When they logged in, in ms since the epoch" }),
  used: Type.Integer({ description: "When it was used last, to a minute, in ms since the epoch" }),
  expires: Type.Integer({ description: "When it ends whatever happens, in ms since the epoch" }),
});

/** What a page has to know of its own login. */
export const ownSessionSchema = Type.Object({
  name: Type.String(),
  roles: holderSchema.properties.roles,
  scope: holderSchema.properties.scope,
  expires: Type.Integer({ description: "In ms since the epoch; without requests it ends 30 min after the last one" }),
  pageToken: Type.String({ description: `To be sent as ${pageTokenHeader} with all that is no GET` }),
});

/** What a person does to let a command in. */
export const deviceLoginSchema = Type.Object({
  ticket: Type.String({ description: "To be shown when asking whether it is done" }),
  userCode: Type.String({ description: "To be typed in there, or compared" }),
  verificationUri: Type.String(),
  verificationUriComplete: Type.String({ description: "The same with the code in it; empty when there is none" }),
  expiresInSeconds: Type.Integer(),
  intervalSeconds: Type.Integer({ description: "How long to wait before each question" }),
});

export const finishDeviceSchema = Type.Object(
  { ticket: Type.String({ maxLength: 8192 }) },
  { additionalProperties: false },
);

/** Not done yet: ask again, and with `slow_down` five seconds later than so far, as RFC 8628 has it. */
export const pendingLoginSchema = Type.Object({ status: Type.Enum(["pending", "slow_down"]) });

export const finishedLoginSchema = Type.Object({
  status: Type.Literal("done"),
  token: Type.String({ description: "What the command shows from now on; told this once" }),
  name: Type.String(),
  roles: holderSchema.properties.roles,
  scope: holderSchema.properties.scope,
  expires: Type.Integer({ description: "In ms since the epoch" }),
});

export type Session = Static<typeof sessionSchema>;
export type OwnSession = Static<typeof ownSessionSchema>;
export type DeviceLogin = Static<typeof deviceLoginSchema>;
export type PendingLogin = Static<typeof pendingLoginSchema>;
export type FinishedLogin = Static<typeof finishedLoginSchema>;
