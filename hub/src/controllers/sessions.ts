import { createHash, randomBytes } from "node:crypto";

import type * as api from "@drover/shared/api/session";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import type { Backend, Intents } from "../api/backend.ts";
import type { SessionDigest } from "../api/logins.ts";
import { principalOf } from "../core/access/principal.ts";
import type { AccessStore, SessionRecord } from "../store/access-store.ts";

export interface SessionsDeps {
  readonly store: { readonly access: Pick<AccessStore, "sessions" | "session" | "putSession" | "deleteSession"> };
  readonly clock: Clock;
}

/** A working day. */
const lifeMs = 8 * 60 * 60_000;
/** A browser is left open on a desk; the command's is a file of its owner. */
const idleMs = 30 * 60_000;
/** So that not every request is a write. */
const usedEveryMs = 60_000;
const maxSessions = 10_000;
/** Of one person; the oldest makes room. */
const maxOwn = 20;

type Parts = Pick<Backend, "sessions" | "session"> & Pick<Intents, "beginSession" | "endSession">;

/** Who is logged in. The hub keeps hashes only, and asks nobody whether they still hold: they go on without the issuer. */
export function createSessions({ store: { access }, clock }: SessionsDeps): Parts {
  const isOver = ({ kind, expiresAtMs, usedAtMs }: SessionRecord): boolean =>
    clock.now() >= expiresAtMs || (kind === "browser" && clock.now() - usedAtMs >= idleMs);
  return {
    sessions: () =>
      access
        .sessions()
        .filter((record) => !isOver(record))
        .map(viewOf),
    session(id, used) {
      const record = access.session(id);
      if (record === undefined || isOver(record)) return undefined;
      if (used && clock.now() - record.usedAtMs >= usedEveryMs) noteUse(access, { ...record, usedAtMs: clock.now() });
      return digestOf(record);
    },
    async beginSession({ person, kind, follows }) {
      const { issuer, subject, name, email, grant } = person;
      const all = access.sessions();
      const over = all.filter(isOver);
      const own = all.filter((one) => one.issuer === issuer && one.subject === subject && !isOver(one));
      const tooMany = own.slice(0, Math.max(0, own.length + 1 - maxOwn));
      // Whoever held the browser before is logged out, and what was set there by others is worth nothing.
      const forget = new Set([...over, ...tooMany].map((one) => one.id));
      if (follows !== "") forget.add(follows);
      if (all.length - forget.size >= maxSessions)
        throw new DroverError("rate_limited", `${maxSessions} people are logged in, which is the most`);
      const id = randomBytes(8).toString("hex");
      const secret = `drs_${id}_${randomBytes(32).toString("base64url")}`;
      const now = clock.now();
      const sha256 = createHash("sha256").update(secret).digest("hex");
      const times = { createdAtMs: now, usedAtMs: now, expiresAtMs: now + lifeMs };
      const { roles, scope } = grant;
      access.putSession({ id, kind, sha256, issuer, subject, name, email, roles, scope, ...times }, [...forget]);
      return { id, secret, expiresAtMs: times.expiresAtMs };
    },
    async endSession(id) {
      if (access.session(id) === undefined) throw new DroverError("not_found", `there is no session ${id}`);
      access.deleteSession(id);
    },
  };
}

/** A store that refuses writes still answers questions. */
function noteUse(access: Pick<AccessStore, "putSession">, used: SessionRecord): void {
  try {
    access.putSession(used);
  } catch {
    // Whatever is decided next meets the same refusal, and tells it.
  }
}

function digestOf(record: SessionRecord): SessionDigest {
  const { id, kind, sha256, name, roles, scope, expiresAtMs, issuer, subject } = record;
  const person = { issuer, subject, session: id };
  return { kind, sha256, name, roles, scope, expiresAtMs, person, principal: principalOf(record) };
}

function viewOf(record: SessionRecord): api.Session {
  const { id, kind, name, issuer, subject, roles, scope } = record;
  const times = { since: record.createdAtMs, used: record.usedAtMs, expires: record.expiresAtMs };
  return { id, kind, name, issuer, subject, roles: [...roles], scope, ...times };
}
