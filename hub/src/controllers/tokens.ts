import { createHash, randomBytes } from "node:crypto";

import type * as api from "@drover/shared/api/access";
import { dayMs } from "@drover/shared/api/access";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import type { TokenDigest } from "../api/access/holder.ts";
import type { Backend, Intents } from "../api/backend.ts";
import type { AccessStore, TokenRecord } from "../store/access-store.ts";

export interface TokensDeps {
  readonly store: { readonly access: Pick<AccessStore, "tokens" | "token" | "putToken" | "deleteToken"> };
  readonly clock: Clock;
  /** Called with the answer before it is written what it is about. */
  readonly foretell?: (answer: object) => void;
}

const maxTokens = 1_000;
/** The token of the file, which is in no record. */
const reserved = "admin";
/** So that not every request is a write. */
const usedEveryMs = 5 * 60_000;
/** How long one that has ended is still shown. */
const keptMs = 7 * dayMs;

type Parts = Pick<Backend, "tokens" | "issuedToken"> & Pick<Intents, "createToken" | "revokeToken">;

/** The tokens that people make. The hub keeps their hashes only, so each is told once. */
export function createTokens({ store: { access }, clock, foretell }: TokensDeps): Parts {
  return {
    tokens: () => access.tokens().map((record) => viewOf(record, clock.now())),
    issuedToken(id) {
      const record = access.token(id);
      const now = clock.now();
      if (record !== undefined && record.expiresAtMs > now && now - record.usedAtMs >= usedEveryMs)
        noteUse(access, { ...record, usedAtMs: now });
      return record satisfies TokenDigest | undefined;
    },
    async createToken(input, maker) {
      const now = clock.now();
      for (const { id, name, expiresAtMs } of access.tokens())
        if (expiresAtMs + keptMs < now || (name === input.name && expiresAtMs <= now)) access.deleteToken(id);
      checkName(input.name, access.tokens());
      const id = randomBytes(8).toString("hex");
      const token = `drv_${id}_${randomBytes(32).toString("base64url")}`;
      const { name, roles, scope = "", expiresInSeconds = dayMs / 1000 } = input;
      const record: TokenRecord = {
        id,
        name,
        sha256: createHash("sha256").update(token).digest("hex"),
        roles: [...new Set(roles)],
        scope,
        createdBy: maker.name,
        ...(maker.principal === undefined ? {} : { principal: maker.principal }),
        createdAtMs: now,
        expiresAtMs: now + expiresInSeconds * 1000,
        usedAtMs: 0,
      };
      const created = { ...viewOf(record, now), token };
      foretell?.(created);
      access.putToken(record);
      return created;
    },
    async revokeToken(name) {
      const record = access.tokens().find((one) => one.name === name);
      if (record === undefined) throw new DroverError("not_found", `there is no token ${name}`);
      access.deleteToken(record.id);
    },
  };
}

/** A store that refuses writes still answers questions. */
function noteUse(access: Pick<AccessStore, "putToken">, used: TokenRecord): void {
  try {
    access.putToken(used);
  } catch {
    // Whatever is decided next meets the same refusal, and tells it.
  }
}

function checkName(name: string, tokens: readonly TokenRecord[]): void {
  if (name === reserved || tokens.some((token) => token.name === name)) {
    throw new DroverError("precondition_failed", `there is a token named ${name} already`, {
      hint: "choose another name, or revoke it first: drover token revoke NAME",
    });
  }
  if (tokens.length >= maxTokens)
    throw new DroverError("precondition_failed", `there are ${maxTokens} tokens, which is the most`);
}

function viewOf(record: TokenRecord, nowMs: number): api.Token {
  const ended = record.expiresAtMs <= nowMs;
  return {
    name: record.name,
    roles: [...record.roles],
    scope: record.scope,
    expires: record.expiresAtMs,
    state: ended ? "failed" : "current",
    reason: ended ? "it has ended" : "",
    since: record.createdAtMs,
    createdBy: record.createdBy,
    used: record.usedAtMs,
  };
}
