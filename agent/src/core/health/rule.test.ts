import type { JsonRecord } from "@drover/shared/json";
import type { ObjectHealth } from "@drover/shared/state";
import type { HealthRule } from "@drover/shared/sync-options";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { compileRule } from "./rule.ts";

const none = { failed: "", degraded: "", progressing: "", suspended: "", current: "", message: "" };
const metadata = { generation: 2 };

function rule(fields: Partial<HealthRule>): HealthRule {
  return { group: "example.org", kind: "Thing", ...none, ...fields };
}

function having(status: JsonRecord, spec: JsonRecord = {}): JsonRecord {
  return { metadata, spec, status };
}

const conditions = [
  { type: "Ready", status: "True", message: "all there" },
  { type: "Synced", status: "False", message: "no quota" },
];
const synced = "object.status.conditions.exists(c, c.type == 'Synced' && c.status == 'False')";

type Row = readonly [what: string, rule: Partial<HealthRule>, object: JsonRecord, health: ObjectHealth, reason: string];

const rows: readonly Row[] = [
  ["current holds", { current: "object.status.phase == 'Up'" }, having({ phase: "Up" }), "Current", ""],
  [
    "current does not hold",
    { current: "self.status.phase == 'Up'" },
    having({ phase: "Down" }),
    "Progressing",
    "HealthRule",
  ],
  ["a condition is looked for", { degraded: synced }, having({ conditions }), "Degraded", "HealthRule"],
  [
    "worse comes first",
    { current: "true", failed: "object.status.phase in ['Down', 'Lost']" },
    having({ phase: "Lost" }),
    "Failed",
    "HealthRule",
  ],
  [
    "held back on purpose",
    { suspended: "object.spec.paused" },
    having({}, { paused: true }),
    "Suspended",
    "HealthRule",
  ],
  ["numbers are whole", { current: "object.status.ready + 1 == 3" }, having({ ready: 2 }), "Current", ""],
  [
    "two fields are compared",
    { current: "object.status.ready >= object.spec.size" },
    having({ ready: 2 }, { size: 2 }),
    "Current",
    "",
  ],
  [
    "a field may be missing",
    { current: "has(object.status.ready) && object.status.ready" },
    having({ ready: true }),
    "Current",
    "",
  ],
  [
    "nothing holds, and current is left to the built-in rule",
    { failed: "false" },
    having({ phase: "Up" }),
    "Current",
    "",
  ],
  [
    "nothing holds, and the built-in rule finds it not ready",
    { failed: "false" },
    having({ conditions: [{ type: "Ready", status: "False", reason: "Pending" }] }),
    "Progressing",
    "Pending",
  ],
  [
    "nobody has looked yet",
    { current: "object.status.phase == 'Up'" },
    { metadata, spec: {} },
    "Progressing",
    "NotObserved",
  ],
  ["an old look", { current: "true" }, having({ observedGeneration: 1 }), "Progressing", "NotObserved"],
  ["being deleted", { current: "true" }, { metadata: { deletionTimestamp: "now" } }, "Terminating", "Terminating"],
  [
    "a field that is not there",
    { current: "object.status.fase == 'Up'" },
    having({ phase: "Up" }),
    "Unknown",
    "HealthRuleFailed",
  ],
  ["another type", { current: "object.status.phase + 1 == 2" }, having({ phase: "Up" }), "Unknown", "HealthRuleFailed"],
  ["no truth", { current: "object.status.phase" }, having({ phase: "Up" }), "Unknown", "HealthRuleFailed"],
  ["no CEL", { current: "object.status." }, having({ phase: "Up" }), "Unknown", "HealthRuleFailed"],
  ["an unknown name", { current: "status.phase == 'Up'" }, having({ phase: "Up" }), "Unknown", "HealthRuleFailed"],
  ["a text where truth is due", { current: "'Up'" }, having({ phase: "Up" }), "Unknown", "HealthRuleFailed"],
  ["a message that is no text", { current: "true", message: "1" }, having({}), "Unknown", "HealthRuleFailed"],
  ["a kind without a body", { group: "", kind: "Secret", current: "true" }, having({}), "Unknown", "HealthRuleFailed"],
];

describe("health rule", () => {
  it.each(rows)("%s", (...[, fields, object, health, reason]) => {
    expect(compileRule(rule(fields))(object)).toMatchObject({ health, reason });
  });

  it("says why in the words that its message makes", () => {
    const message =
      "object.status.conditions.filter(c, c.status == 'False').map(c, c.type + ': ' + c.message).join('; ')";
    const verdict = compileRule(rule({ degraded: synced, message }))(having({ conditions }));
    expect(verdict).toEqual({ health: "Degraded", reason: "HealthRule", message: "Synced: no quota" });
  });

  it("hides no failure behind a message that cannot be made", () => {
    const verdict = compileRule(rule({ failed: "true", message: "object.status.nothing" }))(having({ phase: "Up" }));
    expect(verdict.health).toBe("Failed");
    expect(verdict.message).toContain("column 15 (nothing): the object has no such field");
  });

  it("names the expression, the column and the words that failed, and no value of the object", () => {
    const assess = compileRule(rule({ degraded: "bool(object.spec.password)", current: "true" }));
    const { message } = assess(having({ phase: "Up" }, { password: "hunter2" }));
    expect(message).toMatch(/degraded: column 1 \(bool/u);
    expect(message).not.toContain("hunter2");
    const absent = compileRule(rule({ current: "object.status.fase == 'Up'" }))(having({ phase: "Up" }));
    expect(absent.message).toBe("the health rule failed: current: column 15 (fase): the object has no such field");
  });

  it("refuses what cannot be bounded, before any object is there", () => {
    for (const current of [
      "object.status.phase.matches('(a+)+$')",
      "duration(object.status.phase) > duration('1s')",
      "cel.bind(x, object.status.phase, x == 'Up')",
      "object.status.phase == 'x'".padEnd(5_000, " "),
      Array.from({ length: 400 }, () => "object.a").join(" == "),
    ]) {
      const verdict = compileRule(rule({ current }))(having({ phase: "a".repeat(100) }));
      expect(verdict).toMatchObject({ health: "Unknown", reason: "HealthRuleFailed" });
    }
  });

  it("does not begin what would take long, or much memory, on a large object", () => {
    const many = Array.from({ length: 2_000 }, (_, index) => ({ type: `T${index}`, status: "a".repeat(100) }));
    const long = "a".repeat(500_000);
    const hostile = [
      "object.status.many.all(a, object.status.many.all(b, object.status.many.all(c, a != b || b != c)))",
      "object.status.many.map(a, object.status.many.map(b, [a, b])).size() > 0",
      `[object.status.long]${".map(x, x + x)".repeat(25)}.size() == 1`,
      `[object.status.many]${".map(x, x + x)".repeat(25)}.size() == 1`,
      `[object.status.many]${".map(x, [x, x])".repeat(25)} == [object.status.many]${".map(x, [x, x])".repeat(25)}`,
      "object.status.long.split('').all(a, object.status.long.split('').all(b, a == b))",
      "object.status.many.map(a, object.status.long).join(object.status.long) == ''",
    ];
    for (const current of hostile) {
      const verdict = compileRule(rule({ current }))(having({ many, long }));
      expect(verdict).toMatchObject({ health: "Unknown", reason: "HealthRuleFailed" });
      expect(verdict.message).toContain("too long");
    }
  });

  it("bounds no expression that people write over an object of usual size", () => {
    const usual = Array.from({ length: 20 }, (_, index) => ({
      type: `T${index}`,
      status: "True",
      message: "m".repeat(200),
    }));
    const each = "object.status.conditions.all(c, object.spec.wanted.exists(w, w == c.type) && c.status == 'True')";
    const wanted = usual.map(({ type }) => type);
    expect(compileRule(rule({ current: each }))(having({ conditions: usual }, { wanted })).health).toBe("Current");
  });

  it("never throws, whatever an expression or an object is", () => {
    const words = fc.constantFrom(
      ..."object self . status conditions [ ] ( ) 0 1 'a' == != && || ! ? : + - in has size exists all map filter c , { } null true".split(
        " ",
      ),
    );
    const expressions = fc.array(words, { maxLength: 12 }).map((parts) => parts.join(" "));
    fc.assert(
      fc.property(expressions, expressions, fc.jsonValue(), (current, message, status) => {
        const verdict = compileRule(rule({ current, message }))({ metadata, status });
        expect(typeof verdict.health).toBe("string");
        if (verdict.health !== "Current") expect(verdict.reason).not.toBe("");
      }),
      { numRuns: 500 },
    );
  });

  it("reads fields of any name", () => {
    const object = JSON.parse('{"status":{"__proto__":{"a":1},"constructor":"x"}}') as JsonRecord;
    expect(compileRule(rule({ current: "object.status['constructor'] == 'x'" }))(object).health).toBe("Current");
    expect(compileRule(rule({ current: "'__proto__' in object.status" }))(object).health).toBe("Current");
    expect(compileRule(rule({ current: "object.status.toString == 'x'" }))(object).reason).toBe("HealthRuleFailed");
  });
});
