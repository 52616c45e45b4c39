import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { DroverError } from "./errors.ts";
import { createLog, type Logger } from "./log.ts";

/** What forges lines, moves cursors and hides: C0, ESC, DEL, C1, line ends, direction marks, halves of characters. */
const hostile = [
  ...Array.from(
    "\u0000\u0007\u0008\n\r\t\u001B\u007F\u0085\u009B\u009D\u2028\u2029\u061C\u200E\u200F\u202A\u202E\u2066\u2069\uFEFF\"'\\{}[],:/@ é集🚀",
  ),
  "\uD800",
  "\uDFFF",
  "\u001B[2J\u001B]0;x\u0007",
  '"}\n{"level":"error"',
  '\n{"level":"info","msg":"forged"}\n',
  "https://user:secret@host/",
];
const text = fc.string({ unit: fc.constantFrom(...hostile, "a"), maxLength: 60 });
const field = fc.oneof(
  text,
  fc.array(text, { maxLength: 5 }),
  fc.dictionary(text, text, { maxKeys: 5, noNullPrototype: true }),
  fc.double(),
  fc.constantFrom(undefined, null, true),
);
/** Every name of a field that a line of hub or agent has, and any other. */
const known =
  "about account address addresses aside attempt backup bundle by byMs bytes cluster code commit doubt epoch err file from " +
  "generation headers hint holder kind method namespace object package password paths policy reason refused repository " +
  "revision route status targets to token tombstones trace waitMs why";
const names = fc.oneof(fc.constantFrom(...known.split(" ")), text);
const failure = text.map((message) => {
  const cause = Object.assign(new Error(message), { code: message, path: message });
  return { err: new DroverError("internal", message, { hint: message, cause }), other: cause };
});
const record = fc.oneof(fc.dictionary(names, field, { maxKeys: 8, noNullPrototype: true }), failure);

function collect(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: createLog("hub", "debug", { write: (line) => void lines.push(line) }), lines };
}

const oneLine = /^[^\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]+\n$/u;

describe("a log", () => {
  it("T19: makes of any record one line that reads back, whatever its fields, its error and its bindings hold", () => {
    fc.assert(
      fc.property(record, record, text, (bindings, fields, message) => {
        const { log, lines } = collect();
        log.warn(fields, message);
        log.child(bindings).error(fields, "request failed");
        expect(lines).toHaveLength(2);
        for (const line of lines) expect(line).toMatch(oneLine);
        expect(JSON.parse(lines[0] ?? "")).toHaveProperty("msg");
        expect(lines.join("")).not.toContain("secret@");
      }),
      { numRuns: 500 },
    );
  });

  it("T19: says in JSON exactly what it was given", () => {
    const value = `a${hostile.filter((one) => !one.includes("secret")).join("b")}`.toWellFormed();
    const { log, lines } = collect();
    log.info({ reason: value, paths: [value], object: { of: value } }, "object released");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ reason: value, paths: [value], object: { of: value } });
  });

  it("T19: cuts what is long, and keeps what the line is about", () => {
    const { log, lines } = collect();
    const long = "\u009B\n".repeat(1_000_000);
    const err = new DroverError("render_failed", long, { cause: new Error(long) });
    log.error({ repository: "config", err, code: err.code, paths: Array.from({ length: 9_999 }, () => "p") }, "failed");
    log.child({ trace: long }).error({ cluster: long }, long);
    log.info(
      Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`${index}${"k".repeat(50)}`, "v".repeat(500)])),
      "many",
    );
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(oneLine);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(16_384 + 1);
    const [failed, child, many] = lines.map((line) => JSON.parse(line) as object);
    expect(failed).toMatchObject({
      level: "error",
      name: "hub",
      cut: true,
      repository: "config",
      msg: "failed",
      code: "render_failed",
    });
    expect(failed).toHaveProperty("err", expect.stringContaining("DroverError"));
    expect(child).toMatchObject({ level: "error", name: "hub", trace: expect.stringMatching(/…$/u) as unknown });
    expect(many).toMatchObject({ level: "info", msg: "many" });
  });

  it("leaves alone what is short enough", () => {
    const { log, lines } = collect();
    log.info({ reason: "r".repeat(8_000) }, "long");
    expect(JSON.parse(lines[0] ?? "")).not.toHaveProperty("cut");
  });
});
