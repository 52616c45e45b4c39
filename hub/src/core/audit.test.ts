import fc from "fast-check";
import { expect, test } from "vitest";

import { auditOrigin, chainRow, changedFields, firstBroken, type AuditEntry, type AuditRow } from "./audit.ts";

const entry: AuditEntry = {
  at: 5,
  actor: "ci",
  verb: "delete",
  kind: "cluster",
  name: "prod-1",
  request: "r1",
  address: "127.0.0.1",
  result: "done",
  reason: "",
  changed: [],
};

function chain(length: number): AuditRow[] {
  const rows: AuditRow[] = [];
  for (let at = 0; at < length; at += 1) rows.push(chainRow({ ...entry, at }, rows.at(-1) ?? auditOrigin));
  return rows;
}

const tampering: Readonly<Record<string, (rows: AuditRow[], index: number) => void>> = {
  "a row that was changed": (rows, index) => void (rows[index] = { ...(rows[index] as AuditRow), actor: "nobody" }),
  "a row that is gone": (rows, index) => void rows.splice(index, 1),
  "a row that came in between": (rows, index) => void rows.splice(index, 0, chainRow(entry, auditOrigin)),
  "a row that was made anew": (rows, index) => {
    rows[index] = chainRow({ ...entry, actor: "nobody" }, rows[index - 1] ?? auditOrigin);
  },
};

test.each(Object.keys(tampering))("T20: %s breaks the chain there, or right behind it", (name) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 8 }), (index) => {
      const rows = chain(10);
      expect(firstBroken(rows, auditOrigin)).toBeUndefined();
      tampering[name]?.(rows, index);
      const broken = firstBroken(rows, auditOrigin) ?? 0;
      expect([index + 1, index + 2]).toContain(broken);
    }),
  );
});

test("a change is told by its fields, not by their values", () => {
  const before = { name: "team", password: "s3cret", parts: [1] };
  expect(changedFields(before, { ...before, password: "t0psecret", username: "ci" })).toEqual(["password", "username"]);
  expect(changedFields(undefined, { name: "team" })).toEqual(["name"]);
  expect(changedFields(before, undefined)).toEqual(["name", "parts", "password"]);
  expect(changedFields(before, { ...before, parts: [1] })).toEqual([]);
});
