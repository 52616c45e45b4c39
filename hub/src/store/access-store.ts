import type { DatabaseSync } from "node:sqlite";

import type { Role } from "@drover/shared/api/access";

import { auditOrigin, chainRow, type AuditEnd, type AuditEntry, type AuditRow } from "../core/audit.ts";
import { parseRecord } from "./parse-record.ts";

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
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** Kept loosely, to some minutes; 0 = never. */
  readonly usedAtMs: number;
}

/** Tokens, and the log of what was decided with them. */
export interface AccessStore {
  tokens(): readonly TokenRecord[];
  token(id: string): TokenRecord | undefined;
  putToken(token: TokenRecord): void;
  deleteToken(id: string): void;
  /** Rows with a higher id, oldest first. */
  audit(after: number, limit: number): readonly AuditRow[];
  /** What the rows begin after, and the newest: what was dropped leaves its hash behind. */
  auditEnds(): { readonly first: AuditEnd; readonly last: AuditEnd };
}

type Run = (sql: string, ...values: readonly string[]) => void;

const auditLimit = 100_000;

/** The tables of tokens and of the audit log, which nothing else reads or writes. */
export class AccessTables implements AccessStore {
  readonly #database: DatabaseSync;
  readonly #run: Run;
  readonly #limit: number;
  readonly #tokens: Map<string, TokenRecord>;

  /** `run` is how decisions are written. */
  constructor(database: DatabaseSync, run: Run, limit: number = auditLimit) {
    this.#database = database;
    this.#run = run;
    this.#limit = limit;
    const records = database
      .prepare("SELECT record FROM tokens")
      .all()
      .map(parseRecord<TokenRecord>);
    this.#tokens = new Map(records.map((record) => [record.id, record]));
  }

  tokens(): readonly TokenRecord[] {
    return [...this.#tokens.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  token(id: string): TokenRecord | undefined {
    return this.#tokens.get(id);
  }

  putToken(token: TokenRecord): void {
    const record = JSON.stringify(token);
    this.#run("INSERT OR REPLACE INTO tokens VALUES (?, ?)", token.id, record);
    this.#tokens.set(token.id, token);
  }

  deleteToken(id: string): void {
    this.#run("DELETE FROM tokens WHERE id = ?", id);
    this.#tokens.delete(id);
  }

  audit(after: number, limit: number): readonly AuditRow[] {
    return this.#database
      .prepare("SELECT record FROM audit WHERE id > ? ORDER BY id LIMIT ?")
      .all(after, limit)
      .map(parseRecord<AuditRow>);
  }

  auditEnds(): { readonly first: AuditEnd; readonly last: AuditEnd } {
    return { first: this.#end("first"), last: this.#end("last") };
  }

  /** To be called inside of the transaction that writes what was decided. */
  append(entry: AuditEntry): void {
    const row = chainRow(entry, this.#end("last"));
    this.#database.prepare("INSERT INTO audit VALUES (?, ?)").run(row.id, JSON.stringify(row));
    this.#setEnd("last", row);
    const [dropped] = this.audit(row.id - this.#limit - 1, 1);
    if (dropped?.id !== row.id - this.#limit) return;
    this.#database.prepare("DELETE FROM audit WHERE id <= ?").run(dropped.id);
    this.#setEnd("first", dropped);
  }

  #end(name: "first" | "last"): AuditEnd {
    const row = this.#database.prepare("SELECT id, hash FROM audit_ends WHERE name = ?").get(name);
    return row === undefined ? auditOrigin : { id: Number(row["id"]), hash: String(row["hash"]) };
  }

  #setEnd(name: "first" | "last", { id, hash }: AuditEnd): void {
    this.#database.prepare("INSERT OR REPLACE INTO audit_ends VALUES (?, ?, ?)").run(name, id, hash);
  }
}
