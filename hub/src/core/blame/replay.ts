import type { Origin } from "@drover/shared/api/explanations";
import type { Path } from "@drover/shared/decode";
import { canonicalize } from "@drover/shared/kube/canonical";
import { formatFieldPath } from "@drover/shared/kube/field-path";
import { fieldsOf, type Leaf } from "@drover/shared/kube/list-items";
import type { KubeObject } from "@drover/shared/kube/manifest";

import { stepsOf, type Step } from "../apply-overrides.ts";
import type { Override } from "../override.ts";
import { fillObject, secretTexts } from "../templates.ts";
import { fillText, variablesIn, type VariableSource } from "../variables.ts";
import { follow, followCanonical, followTexts, leafKey, setBy, type FieldOrigin, type Traced } from "./origins.ts";
import type { PlaceOf } from "./places.ts";
import { variableSource, type PlacedOverride, type TargetInput } from "./target.ts";

export interface ReplayInput {
  readonly target: Pick<TargetInput, "cluster" | "declared">;
  readonly overrides: readonly PlacedOverride[];
  /** The cluster with the variables of the overrides. */
  readonly source: VariableSource;
  readonly placeOf: PlaceOf;
}

/** Takes an object through every step of its overrides, through the variables and to the canonical form. */
export function replay(written: Traced<KubeObject>, input: ReplayInput): Traced<KubeObject> {
  let traced = written;
  for (const placed of input.overrides) {
    for (const step of stepsOf(placed.override)) traced = take(step, traced, { placed, placeOf: input.placeOf });
  }
  const filled = fill(traced, input);
  return followCanonical(filled.value, canonicalize(filled.value), (path) => filled.origins.get(leafKey(path)));
}

function take(
  step: Step,
  before: Traced<KubeObject>,
  { placed, placeOf }: { readonly placed: PlacedOverride; readonly placeOf: PlaceOf },
): Traced<KubeObject> {
  const value = takeStep(step, before.value);
  if (value === before.value) return before;
  const { placement, override, path } = placed;
  const placeInside = placesInside(override, step, value);
  return follow(before, value, (leaf) => {
    const inside = placeInside(leaf);
    const at = placeOf(placement, [...path, ...step.part.filter((part) => part !== undefined), ...inside]);
    const part = formatPart(step.part);
    const origin: Origin = { kind: "override", repository: placement.repository, at, placement: placement.name, part };
    return setBy(origin);
  });
}

/** The same object when the step is not for it, or fails, which is a problem of the target. */
export function takeStep(step: Step, object: KubeObject): KubeObject {
  try {
    return step.isFor(object) ? step.change(object) : object;
  } catch {
    return object;
  }
}

export function formatPart([key, index]: Step["part"]): string {
  return index === undefined ? key : `${key}[${index}]`;
}

/** Where in its part of the override a field is set, as near as can be told. */
function placesInside(
  { patches }: Override,
  { part: [key, index = 0] }: Step,
  value: KubeObject,
): (leaf: Path) => Path {
  if (key === "replicas") return () => ["count"];
  if (key !== "patches") return (leaf) => (key === "images" ? [] : leaf.slice(2));
  const patch = patches[index];
  if (patch === undefined) return () => [];
  if (patch.kind === "json") {
    return (leaf) => {
      const fitting = patch.operations.flatMap(({ path }, number) => (leads(path, leaf) ? [number] : []));
      const [only] = fitting;
      return only === undefined || fitting.length > 1 ? [] : ["json", only];
    };
  }
  const written = new Map(fieldsOf(patch.patch).map(({ field, path }) => [formatFieldPath(field), path]));
  const names = new Map(fieldsOf(value).map(({ field, path }) => [leafKey(path), formatFieldPath(field)]));
  return (leaf) => [patch.kind, ...(written.get(names.get(leafKey(leaf)) ?? "") ?? [])];
}

function leads(pointer: string, leaf: Path): boolean {
  const steps = pointer.split("/").slice(1);
  return steps.every((step, depth) => step.replaceAll("~1", "/").replaceAll("~0", "~") === String(leaf[depth]));
}

function fill(before: Traced<KubeObject>, input: ReplayInput): Traced<KubeObject> {
  const { source } = input;
  const encoded = new Map(secretTexts(before.value));
  const textsOf = ({ path, value }: Pick<Leaf, "path" | "value">): readonly string[] => {
    const [first, key] = path;
    const decoded = first === "data" ? encoded.get(String(key)) : undefined;
    return [...path, value, decoded].filter((text) => typeof text === "string");
  };
  const origin = (leaf: Pick<Leaf, "path" | "value">, known: FieldOrigin): FieldOrigin => {
    const uses = textsOf(leaf).flatMap((text) => variablesIn(text));
    if (uses.length === 0) return known;
    return { ...known, variables: uses.map((use) => variableSource(use, input.target, input)) };
  };
  const rename = (name: string): string => fillText(name, source).value;
  return followTexts(before, fillObject(before.value, source).value, { rename, origin });
}
