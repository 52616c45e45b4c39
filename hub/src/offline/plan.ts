import { canonicalJson } from "@drover/shared/digest";
import { diffObjects } from "@drover/shared/kube/diff";
import { formatFieldPath } from "@drover/shared/kube/field-path";
import { formatObjectKey, objectKey, type KubeObject } from "@drover/shared/kube/manifest";

import type { Project } from "./project.ts";
import { targetsOf } from "./targets.ts";

/** The same change on some clusters. */
export interface PlannedTargets {
  readonly app: string;
  readonly clusters: readonly string[];
  /** `add` and `remove` are of the application as a whole: it comes to the clusters, or goes. */
  readonly kind: "add" | "remove" | "change";
  readonly objects: readonly PlannedObject[];
}

export interface PlannedObject {
  readonly object: string;
  readonly kind: "add" | "remove" | "change";
  /** Of a change; values of Secrets are not shown. */
  readonly fields: readonly PlannedField[];
}

export interface PlannedField {
  readonly path: string;
  /** undefined = not there. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface PlannedChanges {
  readonly changes: readonly PlannedTargets[];
  /** How many targets stay as they are. */
  readonly unchanged: number;
}

/**
 * What the clusters that Git declares would see of the step from one state of the files to another. While files have errors
 * nothing goes, as on the hub: what cannot be read may have been there.
 */
export function planChanges(before: Project, after: Project): PlannedChanges {
  const [old, now] = [objectsByTarget(before), objectsByTarget(after)];
  const groups = new Map<string, PlannedTargets & { readonly clusters: string[] }>();
  // Those are not removed, but not known here: such as the ones from a registry that was not asked.
  const declared = new Set(after.declarations.filter(({ kind }) => kind === "Application").map(({ name }) => name));
  const isUnknown = (app: string): boolean => declared.has(app) && !after.rendered.has(app);
  const isWhole = !after.problems.some(({ severity }) => severity === "error");
  let unchanged = 0;
  for (const id of [...new Set([...old.keys(), ...now.keys()])].toSorted()) {
    const [app = "", cluster = ""] = id.split("@");
    const [a, b] = [old.get(id), now.get(id)];
    const objects = compare(a ?? [], b ?? []);
    if (objects.length === 0 || (b === undefined && (!isWhole || isUnknown(app)))) {
      unchanged += 1;
      continue;
    }
    const kind = a === undefined ? "add" : b === undefined ? "remove" : "change";
    const key = canonicalJson([
      app,
      kind,
      objects.map((one) => ({ ...one, fields: one.fields.map((f) => ({ ...f })) })),
    ]);
    const group = groups.get(key) ?? { app, kind, objects, clusters: [] };
    group.clusters.push(cluster);
    groups.set(key, group);
  }
  return { changes: [...groups.values()], unchanged };
}

function objectsByTarget(project: Project): ReadonlyMap<string, readonly KubeObject[]> {
  const found = new Map<string, readonly KubeObject[]>();
  for (const application of project.declarations) {
    if (application.kind !== "Application" || !project.rendered.has(application.name)) continue;
    for (const { clusters, objects } of targetsOf(project, application).targets)
      for (const cluster of clusters) found.set(`${application.name}@${cluster}`, objects);
  }
  return found;
}

function compare(before: readonly KubeObject[], after: readonly KubeObject[]): readonly PlannedObject[] {
  const [old, now] = [before, after].map((objects) => new Map(objects.map((o) => [formatObjectKey(objectKey(o)), o])));
  const ids = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])].toSorted();
  return ids.flatMap((object): readonly PlannedObject[] => {
    const [a, b] = [old?.get(object), now?.get(object)];
    if (a === undefined) return [{ object, kind: "add", fields: [] }];
    if (b === undefined) return [{ object, kind: "remove", fields: [] }];
    const fields = compareFields(a, b);
    return fields.length === 0 ? [] : [{ object, kind: "change", fields }];
  });
}

function compareFields(a: KubeObject, b: KubeObject): readonly PlannedField[] {
  if (canonicalJson(a) === canonicalJson(b)) return [];
  const isSecret = a.kind === "Secret" && a.apiVersion === "v1";
  const show = (value: unknown): string | undefined => {
    if (value === undefined) return undefined;
    return isSecret ? "***" : JSON.stringify(value);
  };
  const fields = new Map<string, PlannedField>();
  for (const { path, desired, live } of diffObjects(b, a)) {
    const text = formatFieldPath(path);
    fields.set(text, { path: text, before: show(live), after: show(desired) });
  }
  // A comparison sees only what one side has, so what goes is seen from the other.
  for (const { path, desired, live } of diffObjects(a, b)) {
    const text = formatFieldPath(path);
    if (live === undefined) fields.set(text, { path: text, before: show(desired), after: undefined });
  }
  return [...fields.values()];
}
