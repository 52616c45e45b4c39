import { compileExpression, type Expression } from "@drover/shared/cel/expression";
import { celValueOf } from "@drover/shared/cel/value";

import { nameRule, type Fields } from "./fields.ts";
import type { Capabilities } from "./render/chart.ts";
import { matchAll, matches, readSelector, type Match, type Selector } from "./selector.ts";
import type { VariableSource } from "./variables.ts";

/** A cluster as placements see it: what people, Git and its agent say of it. */
export interface PlaceableCluster extends VariableSource {
  /** Why it takes nothing new; "" when it does. */
  readonly cordoned: string;
  /** What charts may look at, as far as its agent has told; absent where no agent is asked. */
  readonly capabilities?: Capabilities;
}

/** Which clusters are meant: those that meet everything that is given. */
export interface ClusterSelector {
  readonly selector: Selector;
  /** undefined = any name. */
  readonly names: readonly string[] | undefined;
  readonly exclude: readonly string[];
  /** CEL over `cluster`, with the fields name, labels and vars; undefined = none. */
  readonly expression: Condition | undefined;
}

interface Condition {
  readonly source: string;
  readonly compiled: Expression;
}

export const everyCluster: ClusterSelector = {
  selector: matchAll,
  names: undefined,
  exclude: [],
  expression: undefined,
};

export function matchCluster(
  { selector, names, exclude, expression }: ClusterSelector,
  cluster: PlaceableCluster,
): Match {
  if (exclude.includes(cluster.name)) return { matched: false, reason: "excludes it by name" };
  if (names !== undefined && !names.includes(cluster.name)) return { matched: false, reason: "does not name it" };
  const byLabels = matches(selector, cluster.labels);
  if (!byLabels.matched || expression === undefined) return byLabels.matched ? nameMatch(names, byLabels) : byLabels;
  return matchExpression(expression, cluster);
}

function nameMatch(names: readonly string[] | undefined, byLabels: Match): Match {
  return names === undefined ? byLabels : { matched: true, reason: "names it" };
}

/** An expression that fails holds for nobody: the reason says what failed. */
function matchExpression({ source, compiled }: Condition, { name, labels, vars }: PlaceableCluster): Match {
  const result = compiled.evaluate(celValueOf({ name, labels, vars }));
  if (result.kind === "failed") return { matched: false, reason: `has an expression that failed: ${result.message}` };
  if (result.value === true) return { matched: true, reason: `matches ${source}` };
  return { matched: false, reason: `needs ${source}` };
}

const keys = ["selector", "clusters", "exclude", "expression"] as const;

/**
 * Reads `selector`, `clusters`, `exclude` and `expression` of a placement or an override. `selector: {}` is every cluster;
 * nothing written is more often a slip than a wish, so it is refused (E28).
 */
export function readClusterSelector(fields: Fields): ClusterSelector {
  const given = keys.filter((key) => fields.has(key));
  for (const key of given) {
    if (fields.value(key) !== null) continue;
    fields.wrong(key, "is empty", key === "selector" ? "write {} for every cluster" : "remove it");
    return everyCluster;
  }
  if (!given.some((key) => key !== "exclude")) {
    fields.missing("selector", "write selector: {} for every cluster");
    return everyCluster;
  }
  const selector = fields.map("selector");
  return {
    selector: selector === undefined ? matchAll : readSelector(selector),
    names: fields.has("clusters") ? fields.texts("clusters", nameRule) : undefined,
    exclude: fields.texts("exclude", nameRule),
    expression: readExpression(fields),
  };
}

function readExpression(fields: Fields): Condition | undefined {
  const source = fields.text("expression");
  if (source === undefined) return undefined;
  const compiled = compileExpression(source, "bool", "cluster");
  if (compiled.fault === undefined) return { source, compiled };
  const example = "write CEL that is true or false of cluster, such as cluster.labels['tier'] == 'gold'";
  return fields.wrong("expression", `does not compile: ${compiled.fault}`, example);
}
