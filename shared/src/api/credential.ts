import { Type, type Static } from "typebox";

import { sourceQuerySchema, stateSchema } from "./types.ts";

/** What a person registers once, and sources, chart repositories and registries are read with by its name. */

const name = Type.String({ pattern: "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", description: "Name, unique in the hub" });
const pem = (description: string) => Type.Optional(Type.String({ maxLength: 262_144, description }));

const parts = {
  for: Type.String({
    minLength: 1,
    maxLength: 4096,
    description:
      "How the addresses begin that it may be shown to: https://git.example.org/team, oci://registry.example.org",
  }),
  username: Type.Optional(Type.String({ maxLength: 1024, description: "User name; write-only" })),
  password: Type.Optional(Type.String({ maxLength: 16_384, description: "Password or token; write-only" })),
  ca: pem("Certificates in PEM of authorities that are trusted besides the system's; write-only"),
  clientCertificate: pem("Client certificate in PEM, before those that vouch for it; write-only"),
  clientKey: pem("Its private key in PEM, not encrypted; write-only"),
};

export const addCredentialSchema = Type.Object({ name, ...parts }, { additionalProperties: false });
/** All parts anew: what is not given is not there any more. */
export const replaceCredentialSchema = Type.Object(parts, { additionalProperties: false });

export const credentialPathSchema = Type.Object({ name });
export const credentialQuerySchema = sourceQuerySchema;

export const credentialSchema = Type.Object({
  name: Type.String(),
  for: Type.String({ description: "How the addresses begin that it may be shown to" }),
  state: stateSchema,
  reason: Type.String({ description: "What is wrong with its certificates; empty when current" }),
  since: Type.Integer({ description: "When it was added or replaced, in ms since the epoch" }),
  parts: Type.Array(Type.Enum(["username", "password", "ca", "client-certificate"]), {
    description: "What it consists of; the parts themselves cannot be read",
  }),
  expires: Type.Integer({
    description:
      "When the first of its certificates ends without which it is worth nothing, in ms since the epoch; 0 = never",
  }),
  usedBy: Type.Array(Type.String({ description: "source/NAME or app/NAME" }), { description: "What names it" }),
});

export type Credential = Static<typeof credentialSchema>;
export type AddCredential = Static<typeof addCredentialSchema>;
export type ReplaceCredential = Static<typeof replaceCredentialSchema>;
export type CredentialQuery = Static<typeof credentialQuerySchema>;
