import type { Origin } from "@drover/shared/api/explanations";
import { canonicalJson } from "@drover/shared/digest";
import type { JsonRecord } from "@drover/shared/json";
import { formatObjectKey, objectKey, type KubeObject, type Manifest } from "@drover/shared/kube/manifest";

import type { Application } from "../application.ts";
import { defaultHelm } from "../helm.ts";
import type { Capabilities } from "../render/chart.ts";
import { renderFor, renderGroups } from "../render/groups.ts";
import type { Rendered } from "../render/index.ts";
import { follow, leavesOf, setBy, type FieldOrigin, type Traced } from "./origins.ts";
import type { PlaceOf } from "./places.ts";
import type { Render } from "./rendered.ts";
import type { PlacedOverride } from "./target.ts";
import { traceWhole } from "./written.ts";

interface ChartInput {
  readonly application: Application;
  /** Filled in, from weak to strong: those of the overrides that have some. */
  readonly values: readonly JsonRecord[];
  readonly capabilities: Capabilities;
  readonly overrides: readonly PlacedOverride[];
  readonly placeOf: PlaceOf;
  readonly render: Render;
}

/**
 * What a chart printed has no places either, but it can be printed again: once more with each set of values, from the
 * weakest on. What a set changes is of that set, and the rest is of the template.
 */
export async function traceChart(manifest: Manifest, input: ChartInput): Promise<Traced<KubeObject>> {
  const identity = formatObjectKey(objectKey(manifest.object));
  const template: Origin = { kind: "chart", repository: input.application.source.repository };
  let traced: Traced<KubeObject> | undefined;
  for (const { application, values, originOf } of levels(input)) {
    const { manifests, problems } = await renderMarked(application, values, input);
    if (problems.some(({ severity }) => severity === "error")) continue;
    const printed = manifests.find(({ object }) => formatObjectKey(objectKey(object)) === identity);
    if (printed === undefined) continue;
    traced =
      traced === undefined
        ? traceWhole(printed, template)
        : follow(traced, printed.object, (path) => originOf(path.reduce<unknown>(stepInto, printed.object)));
  }
  traced ??= traceWhole(manifest, template);
  return follow(traced, manifest.object, () => setBy(template));
}

function stepInto(value: unknown, key: string | number): unknown {
  return (value as Readonly<Record<string | number, unknown>> | undefined)?.[key];
}

async function renderMarked(
  application: Application,
  values: readonly JsonRecord[],
  { capabilities, render }: Pick<ChartInput, "capabilities" | "render">,
): Promise<Rendered> {
  const group = { values, capabilities };
  return renderFor(await renderGroups(application, [group], (variant) => render(application, variant)), group);
}

interface Level {
  readonly application: Application;
  readonly values: readonly JsonRecord[];
  /** Of a field with this value. */
  readonly originOf: (value: unknown) => FieldOrigin;
}

function* levels({ application, values, overrides, placeOf }: ChartInput): Generator<Level> {
  const { helm = defaultHelm, repository } = application;
  const less = (files: number, own: JsonRecord): Application => ({
    ...application,
    helm: { ...helm, valueFiles: helm.valueFiles.slice(0, files), values: own },
  });
  const none: Level["originOf"] = () => setBy({ kind: "chart", repository: application.source.repository });
  yield { application: less(0, {}), values: [], originOf: none };
  for (const [index, { path: file }] of helm.valueFiles.entries()) {
    const at = { file, line: 1, column: 1 };
    const part = `helm.valueFiles[${index}]`;
    const origin: Origin = { kind: "chart", repository: application.source.repository, at, part };
    yield { application: less(index + 1, {}), values: [], originOf: () => setBy(origin) };
  }
  const part = "helm.values";
  yield {
    application,
    values: [],
    originOf: (value) => {
      const at = placeOf(application, ["spec", "helm", "values", ...onlyPlaceOf(value, helm.values)]);
      return setBy({ kind: "application", repository, at, part });
    },
  };
  const setters = overrides.filter(({ override }) => override.helmValues !== undefined);
  for (const [index, { placement, path, override }] of setters.entries()) {
    yield {
      application,
      values: values.slice(0, index + 1),
      originOf: (value) => {
        const at = placeOf(placement, [...path, "helm", "values", ...onlyPlaceOf(value, override.helmValues)]);
        return setBy({ kind: "override", repository: placement.repository, at, placement: placement.name, part });
      },
    };
  }
}

/** Where values hold this one and hold it nowhere else; the whole of them otherwise. */
function onlyPlaceOf(value: unknown, values: JsonRecord | undefined): readonly (string | number)[] {
  const [only, ...others] = leavesOf(values).filter((leaf) => canonicalJson(leaf.value) === canonicalJson(value));
  return only === undefined || others.length > 0 ? [] : only.path;
}
