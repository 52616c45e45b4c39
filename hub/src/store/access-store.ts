import type { Role } from "@drover/shared/api/access";

import type { Principal } from "../core/access/principal.ts";
import { auditOrigin, chainRow, type AuditEnd, type AuditEntry, type AuditRow } from "../core/audit.ts";
import { receiptLifeMs, type Receipt } from "../core/receipt.ts";
import type { Database } from "./database.ts";
import { parseRecord } from "./parse-record.ts";
import { seal } from "./sealed.ts";

/** A token that a person made, without the token itself. */
export interface TokenRecord {
  /** The part of the token that finds its record. */
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the token, in hex. */
  readonly sha256: string;
  readonly roles: readonly Role[];
  /** Selector of clusters' labels; "" = everything. */
  readonly scope: string;
  readonly createdBy: string;
  /** The person who made it, or made what it was made with; absent when none did. */
  readonly principal?: Principal;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** Kept loosely, to some minutes; 0 = never. */
  readonly usedAtMs: number;
}

/** Somebody who logged in at the identity provider, as it was when they did. Without the secret that they show. */
export interface SessionRecord {
  /** The part of the secret that finds its record. */
  readonly id: string;
  /** Of a page, in a cookie, or of the command. Neither is worth anything as the other. */
  readonly kind: "browser" | "command";
  /** SHA-256 of the secret, in hex. */
  readonly sha256: string;
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  readonly email: string;
  readonly roles: readonly Role[];
  /** Selector of clusters' labels; "" = everything. */
  readonly scope: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** Kept to a minute. */
  readonly usedAtMs: number;
}

/** Tokens, sessions, the log of what was decided with them, and what that was answered. */
export interface AccessStore {
  tokens(): readonly TokenRecord[];
  token(id: string): TokenRecord | undefined;
  putToken(token: TokenRecord): void;
  deleteToken(id: string): void;
  sessions(): readonly SessionRecord[];
  session(id: string): SessionRecord | undefined;
  /** Also forgets others, such as the one that it follows. */
  putSession(session: SessionRecord, forget?: readonly string[]): void;
  deleteSession(id: string): void;
  /** What a request that was made before has come to. */
  receipt(id: string): Receipt | undefined;
  /** Also forgets those that are over, and the oldest beyond a bound. */
  putReceipt(receipt: Receipt): void;
  /** Rows with a higher id, oldest first. */
  audit(after: number, limit: number): readonly AuditRow[];
  /** What the rows begin after, and the newest: what was dropped leaves its hash behind. */
  auditEnds(): { readonly first: AuditEnd; readonly last: AuditEnd };
}

const auditLimit = 100_000;
const receiptLimit = 10_000;

/** The tables of tokens and of the audit log, which nothing else reads or writes. */
export class AccessTables implements AccessStore {
  readonly #database: Database;
  readonly #limit: number;
  readonly #receiptLimit: number;
  readonly #tokens: Map<string, TokenRecord>;
  readonly #sessions: Map<string, SessionRecord>;

  constructor(database: Database, limit: number = auditLimit, receipts: number = receiptLimit) {
    this.#database = database;
    this.#limit = limit;
    this.#receiptLimit = receipts;
    const records = database.all("SELECT record FROM tokens").map(parseRecord<TokenRecord>);
    this.#tokens = new Map(records.map((record) => [record.id, record]));
    const sessions = database.all("SELECT record FROM sessions").map(parseRecord<SessionRecord>);
    this.#sessions = new Map(sessions.map((record) => [record.id, record]));
  }

  tokens(): readonly TokenRecord[] {
    return [...this.#tokens.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  token(id: string): TokenRecord | undefined {
    return this.#tokens.get(id);
  }

  putToken(token: TokenRecord): void {
    this.#database.run("INSERT OR REPLACE INTO tokens VALUES (?, ?)", token.id, seal(token));
    this.#tokens.set(token.id, token);
  }

  deleteToken(id: string): void {
    this.#database.run("DELETE FROM tokens WHERE id = ?", id);
    this.#tokens.delete(id);
  }

  sessions(): readonly SessionRecord[] {
    return [...this.#sessions.values()].toSorted((a, b) => a.createdAtMs - b.createdAtMs);
  }

  session(id: string): SessionRecord | undefined {
    return this.#sessions.get(id);
  }

  putSession(session: SessionRecord, forget: readonly string[] = []): void {
    this.#database.transaction(() => {
      this.#database.run("INSERT OR REPLACE INTO sessions VALUES (?, ?)", session.id, seal(session));
      for (const id of forget) this.#database.run("DELETE FROM sessions WHERE id = ?", id);
    });
    this.#sessions.set(session.id, session);
    for (const id of forget) this.#sessions.delete(id);
  }

  deleteSession(id: string): void {
    this.#database.run("DELETE FROM sessions WHERE id = ?", id);
    this.#sessions.delete(id);
  }

  receipt(id: string): Receipt | undefined {
    const row = this.#database.get("SELECT record FROM receipts WHERE id = ?", id);
    return row === undefined ? undefined : parseRecord<Receipt>(row);
  }

  putReceipt({ id, request, atMs, answer }: Receipt): void {
    const record = seal({ id, request, atMs, answer });
    this.#database.transaction(() => {
      this.#database.run("INSERT OR REPLACE INTO receipts VALUES (?, ?, ?)", id, atMs, record);
      this.#database.run("DELETE FROM receipts WHERE at < ?", atMs - receiptLifeMs);
      const beyond = Number(this.#database.get("SELECT count(*) AS n FROM receipts")?.["n"]) - this.#receiptLimit;
      const oldest = "DELETE FROM receipts WHERE id IN (SELECT id FROM receipts ORDER BY at LIMIT ?)";
      if (beyond > 0) this.#database.run(oldest, beyond);
    });
  }

  audit(after: number, limit: number): readonly AuditRow[] {
    const rows = this.#database.all("SELECT record FROM audit WHERE id > ? ORDER BY id LIMIT ?", after, limit);
    return rows.map(parseRecord<AuditRow>);
  }

  auditEnds(): { readonly first: AuditEnd; readonly last: AuditEnd } {
    return { first: this.#end("first"), last: this.#end("last") };
  }

  /** To be called inside of the transaction that writes what was decided. */
  append(entry: AuditEntry): void {
    const row = chainRow(entry, this.#end("last"));
    this.#database.run("INSERT INTO audit VALUES (?, ?)", row.id, seal(row));
    this.#setEnd("last", row);
    const [dropped] = this.audit(row.id - this.#limit - 1, 1);
    if (dropped?.id !== row.id - this.#limit) return;
    this.#database.run("DELETE FROM audit WHERE id <= ?", dropped.id);
    this.#setEnd("first", dropped);
  }

  #end(name: "first" | "last"): AuditEnd {
    const row = this.#database.get("SELECT id, hash FROM audit_ends WHERE name = ?", name);
    return row === undefined ? auditOrigin : { id: Number(row["id"]), hash: String(row["hash"]) };
  }

  #setEnd(name: "first" | "last", { id, hash }: AuditEnd): void {
    this.#database.run("INSERT OR REPLACE INTO audit_ends VALUES (?, ?, ?)", name, id, hash);
  }
}
