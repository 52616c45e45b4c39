import type { Variable } from "@drover/shared/api/explanations";
import type { Path } from "@drover/shared/decode";

import type { Application } from "../application.ts";
import type { PlaceableCluster } from "../cluster-selector.ts";
import type { DeclaredCluster } from "../cluster.ts";
import { factPrefix } from "../fact-labels.ts";
import type { Override } from "../override.ts";
import type { Placement } from "../placement.ts";
import type { VariableUse } from "../variables.ts";
import { findPlaces, type PlaceOf, type ReadFile } from "./places.ts";

/** Everything that an answer about a target hangs on. */
export interface TargetInput {
  readonly application: Application;
  /** Of the application. */
  readonly placements: readonly Placement[];
  /** All that there are. */
  readonly clusters: readonly PlaceableCluster[];
  readonly cluster: PlaceableCluster;
  /** What Git says of it; undefined = nothing. */
  readonly declared: DeclaredCluster | undefined;
  /** The clusters that have the application by now. */
  readonly running: ReadonlySet<string>;
  readonly read: ReadFile;
}

/** An override with its place in a placement. */
export interface PlacedOverride {
  readonly override: Override;
  readonly placement: Placement;
  /** In its document. */
  readonly path: Path;
}

/** Overrides that hold for a cluster with their places, in the same order. */
export function placedOverrides(
  overrides: readonly Override[],
  placements: readonly Placement[],
): readonly PlacedOverride[] {
  return overrides.flatMap((override) =>
    placements
      .filter((placement) => placement.overrides.includes(override))
      .map((placement) => {
        const path = ["spec", "overrides", placement.overrides.indexOf(override)];
        return { override, placement, path };
      }),
  );
}

/** Reads where the declarations that a target hangs on are written. */
export function placesFor({ read, application, placements, declared }: TargetInput): Promise<PlaceOf> {
  return findPlaces(read, [application, ...placements, ...(declared === undefined ? [] : [declared])]);
}

type Source = Pick<Variable, "repository" | "at"> & { readonly kind: "cluster" | "hub" | "fact" };

/** Who gave a cluster a label: Git over people, and its agent for facts. undefined = it has none. */
export function labelSource(
  key: string,
  { cluster, declared }: Pick<TargetInput, "cluster" | "declared">,
  placeOf: PlaceOf,
): Source | undefined {
  if (!Object.hasOwn(cluster.labels, key)) return undefined;
  if (key.startsWith(factPrefix)) return { kind: "fact", repository: "" };
  if (declared === undefined || !Object.hasOwn(declared.labels, key)) return { kind: "hub", repository: "" };
  return { kind: "cluster", repository: declared.repository, at: placeOf(declared, ["metadata", "labels", key]) };
}

/** What a variable is filled with on a cluster. */
export function variableSource(
  { scope, key, hasDefault }: VariableUse,
  target: Pick<TargetInput, "cluster" | "declared">,
  { overrides, placeOf }: { readonly overrides: readonly PlacedOverride[]; readonly placeOf: PlaceOf },
): Variable {
  const name = `cluster.${scope === "name" ? scope : `${scope}.${key}`}`;
  if (scope === "name") return { name, kind: "name", repository: "" };
  const otherwise: Variable = { name, kind: hasDefault ? "default" : "missing", repository: "" };
  if (scope === "labels") return { ...otherwise, ...labelSource(key, target, placeOf) };
  const setter = overrides.findLast(({ override }) => Object.hasOwn(override.vars, key));
  if (setter !== undefined) {
    const { placement, path } = setter;
    const { repository } = placement;
    return { name, kind: "override", repository, at: placeOf(placement, [...path, "vars", key]) };
  }
  const { declared } = target;
  if (declared === undefined || !Object.hasOwn(declared.vars, key)) return otherwise;
  return { name, kind: "cluster", repository: declared.repository, at: placeOf(declared, ["spec", "vars", key]) };
}
