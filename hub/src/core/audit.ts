import { canonicalJson, digestOf, type Digest } from "@drover/shared/digest";

/** Who a person really is, whatever they are called, and the login that it was done with. */
export interface ActingPerson {
  readonly issuer: string;
  readonly subject: string;
  /** Id of the session; "" = an access token of the issuer. */
  readonly session: string;
}

/** One decision: who did what to what, and what came of it. Holds no values. */
export interface AuditEntry {
  /** Ms since the epoch. */
  readonly at: number;
  /** Name of the token or the person; "" = none was known. */
  readonly actor: string;
  /** Absent for tokens. */
  readonly person?: ActingPerson;
  readonly verb: string;
  readonly kind: string;
  /** "" = of no one thing. */
  readonly name: string;
  /** Id of the request, as in its answer and in the log. */
  readonly request: string;
  /** Where the request came from. */
  readonly address: string;
  /** `done`, or the code of the error. */
  readonly result: string;
  /** One sentence; "" when done. */
  readonly reason: string;
  /** The fields that changed, without their values. */
  readonly changed: readonly string[];
}

export interface AuditRow extends AuditEntry {
  /** Counts up by one. */
  readonly id: number;
  /** Hash of the row before. */
  readonly previous: Digest;
  /** Of everything else in this row. */
  readonly hash: Digest;
}

/** Where a chain of rows begins or ends. */
export interface AuditEnd {
  readonly id: number;
  readonly hash: Digest;
}

/** What comes before the first row of all. */
export const auditOrigin: AuditEnd = { id: 0, hash: digestOf("") };

/** The row that follows. Whoever changes, drops or inserts one breaks the chain from there on. */
export function chainRow(entry: AuditEntry, before: AuditEnd): AuditRow {
  const row = { ...entry, id: before.id + 1, previous: before.hash };
  return { ...row, hash: digestOf(canonicalJson(row)) };
}

/** The id of the first row that does not follow from what is before it; undefined = they all do. */
export function firstBroken(rows: readonly AuditRow[], before: AuditEnd): number | undefined {
  let last = before;
  for (const row of rows) {
    const { id, previous, hash, ...entry } = row;
    if (id !== last.id + 1 || previous !== last.hash || chainRow(entry, last).hash !== hash) return last.id + 1;
    last = row;
  }
  return undefined;
}

/** The names of the fields in which two records differ. */
export function changedFields(before: object | undefined, after: object | undefined): readonly string[] {
  const old = new Map<string, unknown>(Object.entries(before ?? {}));
  const now = new Map<string, unknown>(Object.entries(after ?? {}));
  const names = [...new Set([...old.keys(), ...now.keys()])];
  return names.filter((name) => canonicalJson(old.get(name)) !== canonicalJson(now.get(name))).toSorted();
}
