import type { Position } from "@drover/shared/errors";
import { isRecord, type JsonRecord } from "@drover/shared/json";

import { matchCluster, readClusterSelector, type ClusterSelector, type PlaceableCluster } from "./cluster-selector.ts";
import { nameRule, type Fields } from "./fields.ts";
import { readImage, type ImageChange } from "./images.ts";
import { readPatch, type Patch } from "./patch.ts";
import type { Placement } from "./placement.ts";
import { readReplicas, type ReplicaCount } from "./replicas.ts";
import { holdsVariables, markVariables, type VariableValue } from "./variables.ts";

/**
 * What is different on the clusters that it is for. Its parts take effect in this order: values for a chart, patches,
 * images, replicas, labels and annotations. Texts may hold variables.
 */
export interface Override {
  readonly clusters: ClusterSelector;
  readonly patches: readonly Patch[];
  readonly images: readonly ImageChange[];
  readonly replicas: readonly ReplicaCount[];
  /** Of every object; null takes one away. */
  readonly labels: TextChanges;
  readonly annotations: TextChanges;
  /** For objects that name none; undefined = the application's. */
  readonly namespace: string | undefined;
  /** Over the values that the application gives to its chart, and those of earlier overrides; undefined = none. */
  readonly helmValues: JsonRecord | undefined;
  /** Values of variables, over those of the cluster. */
  readonly vars: Readonly<Record<string, VariableValue>>;
  readonly at: Position;
}

export type TextChanges = Readonly<Record<string, string | null>>;

/**
 * The overrides that hold for a cluster, in the order in which they are applied: placements by repository and name, and
 * within one in the order in which they are written (E25).
 */
export function overridesFor(placements: readonly Placement[], cluster: PlaceableCluster): readonly Override[] {
  return inOrder(placements).flatMap(({ overrides }) =>
    overrides.filter(({ clusters }) => matchCluster(clusters, cluster).matched),
  );
}

/** The order in which the overrides of several placements are applied. */
export function inOrder(placements: readonly Placement[]): readonly Placement[] {
  return placements.toSorted(byName);
}

function byName(a: Placement, b: Placement): number {
  if (a.repository !== b.repository) return a.repository < b.repository ? -1 : 1;
  return a.name === b.name ? 0 : a.name < b.name ? -1 : 1;
}

const parts = ["patches", "images", "replicas", "labels", "annotations", "namespace", "helm", "vars"] as const;

export function readOverride(written: Fields): Override {
  const fields = withVariables(written);
  const override: Override = {
    clusters: readClusterSelector(fields),
    patches: fields.maps("patches").flatMap((patch) => readPatch(patch) ?? []),
    images: fields.maps("images").map(readImage),
    replicas: fields.maps("replicas").map(readReplicas),
    labels: readTexts(fields, "labels"),
    annotations: readTexts(fields, "annotations"),
    namespace: readNamespace(fields),
    helmValues: readHelmValues(fields),
    vars: readVars(fields),
    at: fields.at,
  };
  if (!parts.some((part) => fields.has(part))) fields.note([], `changes nothing: give it one of ${parts.join(", ")}`);
  fields.finish();
  return override;
}

/** With variables it is looked at when they are filled in. */
function readNamespace(fields: Fields): string | undefined {
  const text = fields.text("namespace");
  return text !== undefined && holdsVariables(text) ? text : fields.text("namespace", nameRule);
}

function readHelmValues(fields: Fields): JsonRecord | undefined {
  const helm = fields.map("helm");
  helm?.requiredMap("values");
  const values = helm?.value("values");
  helm?.finish();
  return isRecord(values) ? values : undefined;
}

/** Marks the variables in all texts of a map, and notes those that there are not. */
function withVariables(fields: Fields): Fields {
  return fields.replaced((record) => {
    const { value, faults } = markVariables(record);
    for (const { path, message, hint } of faults) fields.note(path, `is wrong: ${message}`, hint);
    return value;
  });
}

function readTexts(fields: Fields, key: "labels" | "annotations"): TextChanges {
  const texts = fields.map(key);
  const changes: [string, string | null][] = [];
  for (const name of texts?.keys() ?? []) {
    const value = texts?.value(name) === null ? null : texts?.text(name);
    if (value !== undefined) changes.push([name, value]);
  }
  return Object.fromEntries(changes);
}

/** Values of variables: texts, numbers, true and false. Their names take part in no expression, so any will do. */
export function readVars(fields: Fields): Readonly<Record<string, VariableValue>> {
  const vars = fields.map("vars");
  const values: [string, VariableValue][] = [];
  for (const name of vars?.keys() ?? []) {
    const value = vars?.value(name);
    if (!/^[\w][-\w./]*$/u.test(name))
      vars?.wrong(name, "is no name for a variable", "use letters, digits, - _ . and /");
    else if (typeof value === "string" && holdsVariables(value)) vars?.wrong(name, "may not hold a variable itself");
    else if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      values.push([name, value]);
    else vars?.wrong(name, "has to be text, a number, true or false");
  }
  return Object.fromEntries(values);
}
