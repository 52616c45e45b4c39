import { Type, type Static } from "typebox";

const key = Type.String({ minLength: 1, maxLength: 65_536 });

/** Whose signature a commit needs, so that it is taken. */
export const signedBySchema = Type.Array(key, {
  maxItems: 16,
  description:
    "Public keys of which one has to have signed the commit, or the annotated tag that is read: armored OpenPGP keys, " +
    "ssh-ed25519 AAAA…, or lines of allowed_signers; none = commits need no signature",
});

/** Replaces the keys that were listed before. */
export const setSignersSchema = Type.Object({ signedBy: signedBySchema }, { additionalProperties: false });

export type SetSigners = Static<typeof setSignersSchema>;
