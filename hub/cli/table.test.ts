import type { AuditEntry } from "@drover/shared/api/access";
import fc from "fast-check";
import { expect, test } from "vitest";

import { tableOf } from "./commands/audit.ts";
import type { Column } from "./table.ts";
import { formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

interface Row {
  readonly name: string;
  readonly note: string;
}

const style = (width: number): Style => ({ unicode: true, paint: (_colour, text) => text, width, height: 24 });
const columns: readonly Column<Row>[] = [
  { title: "NAME", cell: ({ name }) => name, flexible: "last" },
  { title: "N", cell: () => "1" },
  { title: "NOTE", cell: ({ note }) => note, flexible: "first" },
];
const rows: readonly Row[] = [
  { name: "cluster-with-a-name", note: "a note that is longer than others" },
  { name: "c2", note: "" },
];

test("lines up columns and ends no line in spaces", () => {
  expect(formatTable(rows, columns, style(Number.POSITIVE_INFINITY))).toEqual([
    "NAME                 N  NOTE",
    "cluster-with-a-name  1  a note that is longer than others",
    "c2                   1",
  ]);
});

test("shortens notes before names, and names only when notes cannot give more", () => {
  expect(formatTable(rows, columns, style(40))[1]).toBe("cluster-with-a-name  1  a note t… others");
  expect(formatTable(rows, columns, style(30))[1]).toBe("cluster-…h-a-name  1  a no…ers");
});

test("never shortens below what can be recognised, even when the line is too long then", () => {
  expect(formatTable(rows, columns, style(5))[1]).toBe("clus…ame  1  a no…ers");
});

test("counts the headers only when they are shown", () => {
  const short = [{ name: "c", note: "n" }];
  expect(formatTable(short, columns, style(80), { headers: false })).toEqual(["c  1  n"]);
});

test("paints after it has measured", () => {
  const painted = columns.map((column) => ({ ...column, paint: (text: string) => `<${text}>` }));
  expect(formatTable([{ name: "c2", note: "n" }], painted, style(80))[1]).toBe("<c2>    <1>  <n>");
});

test("keeps a cell with line breaks on its line", () => {
  expect(formatTable([{ name: "a\nb", note: "c\u001B[2Jd" }], columns, style(80))).toHaveLength(2);
});

test("T19: an entry of the audit log is one line, whatever its fields hold, and moves no cursor", () => {
  const text = fc.string({
    unit: fc.constantFrom(...Array.from("\n\r\t\u0000\u001B\u0085\u009B\u2028\u202E[2Ja é"), "\uD800"),
    maxLength: 400,
  });
  const entry: fc.Arbitrary<AuditEntry> = fc.record({
    id: fc.nat(),
    at: fc.nat(),
    actor: text,
    person: fc.record({ issuer: text, subject: text, session: text }),
    verb: text,
    kind: text,
    name: text,
    request: text,
    address: text,
    result: text,
    reason: text,
    changed: fc.array(text),
    previous: text,
    hash: text,
  });
  const look = fc.constantFrom("table" as const, "wide" as const);
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 5 }), look, (entries, format) => {
      const lines = tableOf(entries, { style: style(100), format });
      expect(lines).toHaveLength(entries.length + 1);
      for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\u2028-\u202E\u2066-\u2069]/u);
    }),
  );
});
