import type { AuditCheck, AuditList, AuditQuery, CreatedToken, CreateToken, Token } from "@drover/shared/api/access";
import type { Session } from "@drover/shared/api/session";
import { DroverError } from "@drover/shared/errors";

import { principalOf } from "../core/access/principal.ts";
import type { Receipt } from "../core/receipt.ts";
import type { Holder, TokenDigest } from "./access/holder.ts";
import { digestOf } from "./auth.ts";
import type { Backend, Decision, Intents, Outcome } from "./backend.ts";
import type { NewSession, SessionDigest, SessionSecret } from "./logins.ts";

type Parts = Pick<
  Backend,
  "tokens" | "issuedToken" | "sessions" | "session" | "audit" | "checkAudit" | "record" | "receipt" | "keepReceipt"
> &
  Pick<Intents, "createToken" | "revokeToken" | "beginSession" | "endSession">;

/** The tokens and the audit log of a `MemoryBackend`: made at the time 1, and never ending before they are revoked. */
export class MemoryTokens implements Parts {
  readonly tokenById = new Map<string, CreatedToken>();
  readonly receiptById = new Map<string, Receipt>();
  #begun = 0;
  readonly sessionById = new Map<string, SessionDigest>();
  /** What was done and refused, one line each. */
  readonly entries: string[] = [];

  tokens(): readonly Token[] {
    return [...this.tokenById.values()].map(({ token: _secret, ...view }) => view);
  }

  issuedToken(id: string): TokenDigest | undefined {
    const known = this.tokenById.get(id);
    return known && { ...known, sha256: digestOf(known.token), expiresAtMs: known.expires };
  }

  createToken({ name, roles, scope = "" }: CreateToken, maker: Pick<Holder, "name">): Promise<CreatedToken> {
    if (this.tokens().some((one) => one.name === name))
      return Promise.reject(new DroverError("precondition_failed", `there is a token named ${name} already`));
    const id = (this.tokenById.size + 1).toString(16).padStart(16, "0");
    const view = {
      name,
      roles,
      scope,
      createdBy: maker.name,
      state: "current",
      reason: "",
      since: 1,
      used: 0,
      expires: 0,
    } as const;
    const created: CreatedToken = { ...view, roles: [...roles], token: `drv_${id}_${"A".repeat(43)}` };
    this.tokenById.set(id, created);
    return Promise.resolve(created);
  }

  revokeToken(name: string): Promise<void> {
    for (const [id, token] of this.tokenById) if (token.name === name) this.tokenById.delete(id);
    return Promise.resolve();
  }

  sessions(): readonly Session[] {
    return [...this.sessionById].map(([id, { kind, name, roles, scope, person, expiresAtMs }]) => {
      const who = { issuer: person?.issuer ?? "", subject: person?.subject ?? "" };
      return { id, kind, name, roles: [...roles], scope, ...who, since: 1, used: 1, expires: expiresAtMs };
    });
  }

  session(id: string): SessionDigest | undefined {
    return this.sessionById.get(id);
  }

  beginSession({ person, kind, follows }: NewSession): Promise<SessionSecret> {
    this.sessionById.delete(follows);
    const { issuer, subject, name, grant } = person;
    this.#begun += 1;
    const id = this.#begun.toString(16).padStart(16, "0");
    const secret = `drs_${id}_${"A".repeat(43)}`;
    const who = { person: { issuer, subject, session: id }, principal: principalOf(person) };
    this.sessionById.set(id, { kind, sha256: digestOf(secret), name, ...grant, expiresAtMs: 2 ** 52, ...who });
    return Promise.resolve({ id, secret, expiresAtMs: 2 ** 52 });
  }

  endSession(id: string): Promise<void> {
    this.sessionById.delete(id);
    return Promise.resolve();
  }

  receipt(id: string): Receipt | undefined {
    return this.receiptById.get(id);
  }

  keepReceipt({ id, request, atMs, answer }: Receipt): void {
    this.receiptById.set(id, { id, request, atMs, answer });
  }

  audit({ after = 0 }: AuditQuery): AuditList {
    const items = this.entries.slice(after).map((line, index) => entryOf(line, after + index + 1));
    return { items, next: this.entries.length, newest: this.entries.length };
  }

  checkAudit(): Promise<AuditCheck> {
    const entries = this.entries.length;
    return Promise.resolve({ entries, first: 1, last: entries, hash: "sha256:ab", broken: 0 });
  }

  record({ actor, verb, kind, name }: Decision, { result }: Outcome): void {
    this.entries.push(`${actor} ${verb} ${kind} ${name} ${result}`);
  }
}

function entryOf(line: string, id: number): AuditList["items"][number] {
  const [actor = "", verb = "", kind = "", name = "", result = ""] = line.split(" ");
  const told = { actor, verb, kind, name, result, reason: result === "done" ? "" : "it may not", changed: [] };
  return { id, at: 1, ...told, request: "r1", address: "127.0.0.1", previous: "sha256:aa", hash: "sha256:ab" };
}
