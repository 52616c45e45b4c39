import { compileExpression, type Expression } from "@drover/shared/cel/expression";
import type { JsonRecord } from "@drover/shared/json";
import type { ObjectHealth } from "@drover/shared/state";
import type { HealthRule } from "@drover/shared/sync-options";

import { celObjectOf } from "./cel-value.ts";
import { isObserved } from "./custom-resource.ts";
import { assessSeen } from "./generic.ts";
import { assess, needsBody } from "./index.ts";
import { current, progressing, verdict, type Assess, type Verdict } from "./verdict.ts";

/** In this order; the first that is true counts. */
const outcomes = [
  ["failed", "Failed"],
  ["degraded", "Degraded"],
  ["progressing", "Progressing"],
  ["suspended", "Suspended"],
  ["current", "Current"],
] as const satisfies readonly (readonly [keyof HealthRule, ObjectHealth])[];

interface Check {
  readonly field: string;
  readonly health: ObjectHealth;
  readonly expression: Expression;
}

/**
 * A rule that an application brings for a kind, ready to be asked; it comes before the rule that is built in. What goes
 * wrong in an expression makes the health unknown: it never throws, and evaluates within bounds.
 */
export function compileRule(rule: HealthRule): Assess {
  const { group, kind } = rule;
  if (!needsBody(rule)) return () => ruleFailed(`the agent reads nothing but the metadata of a ${kind}`);
  const checks = outcomes.flatMap(([field, health]): Check[] =>
    rule[field] === "" ? [] : [{ field, health, expression: compileExpression(rule[field], "bool") }],
  );
  const message = rule.message === "" ? undefined : compileExpression(rule.message, "string");
  for (const { field, expression } of [
    ...checks,
    ...(message === undefined ? [] : [{ field: "message", expression: message }]),
  ]) {
    if (expression.fault !== undefined) {
      const failed = ruleFailed(`${field}: ${expression.fault}`);
      return (object) => assessSeen(object) ?? failed;
    }
  }
  return (object) => {
    const first = assessSeen(object);
    if (first !== undefined) return first;
    return run(checks, message, object) ?? (rule.current === "" ? assess({ group, kind }, object) : undecided);
  };
}

const undecided = progressing("HealthRule", "none of the expressions of its health rule is true");

function run(checks: readonly Check[], message: Expression | undefined, object: JsonRecord): Verdict | undefined {
  const subject = celObjectOf(object);
  for (const { field, health, expression } of checks) {
    const outcome = expression.evaluate(subject);
    if (outcome.kind === "failed") {
      // The expression is about a status that nobody has written yet.
      if (outcome.absent && !isObserved(object)) return unreported;
      return ruleFailed(`${field}: ${outcome.message}`);
    }
    if (outcome.value === false) continue;
    if (outcome.value !== true) return ruleFailed(`${field}: it gives something else than true or false`);
    return health === "Current" ? current : verdict(health, "HealthRule", explain(message?.evaluate(subject)));
  }
  return undefined;
}

const unreported = progressing("NotObserved", "no controller has reported on it yet");

/** A message that cannot be made hides no failure. */
function explain(outcome: ReturnType<Expression["evaluate"]> | undefined): string {
  if (outcome === undefined) return "its health rule says so";
  if (outcome.kind === "failed") return `its health rule says so, and its message failed: ${outcome.message}`;
  return typeof outcome.value === "string" ? outcome.value : "its health rule says so, and its message is no text";
}

function ruleFailed(message: string): Verdict {
  return verdict("Unknown", "HealthRuleFailed", `the health rule failed: ${message}`);
}
