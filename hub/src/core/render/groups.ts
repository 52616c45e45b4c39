import type { JsonRecord } from "@drover/shared/json";

import type { Application } from "../application.ts";
import { markManifests, refuseMarks } from "../templates.ts";
import type { Capabilities } from "./chart.ts";
import { variantKey, type Rendered, type Variant } from "./index.ts";

/** What all clusters of a group have in common for a render. */
export interface RenderGroup {
  /** What overrides give to a chart, from weak to strong. */
  readonly values: readonly JsonRecord[];
  readonly capabilities?: Capabilities;
  /** Present when there is nothing to render yet. */
  readonly waiting?: string;
}

/** What an application renders for each set of values and capabilities. */
export type Renders = ReadonlyMap<string, Rendered>;

/** The code of the problem that an application has which renders nothing, though nothing is not allowed. */
export const emptyRender = "empty-render";

const nothing: Rendered = { manifests: [], problems: [] };

/**
 * Renders once for each set of values and capabilities; what runs nowhere is rendered too, so that its mistakes are seen. Marks variables
 * where manifests may hold them. An empty render takes everything away, so it has to be allowed (E2).
 */
export async function renderGroups(
  application: Application,
  groups: readonly RenderGroup[],
  render: (variant: Variant) => Promise<Rendered>,
  finish: typeof finishRender = finishRender,
): Promise<Renders> {
  const renders = new Map<string, Rendered>();
  for (const group of groups.length === 0 ? [{ values: [] }] : groups) {
    const variant = variantOf(group);
    const key = variantKey(variant);
    if (group.waiting !== undefined || renders.has(key)) continue;
    renders.set(key, finish(application, await render(variant)));
  }
  return renders;
}

/** What an application makes of what was rendered: variables where it wants them, and no nothing where it does not. */
export function finishRender(application: Application, rendered: Rendered): Rendered {
  return checkEmpty(application, markWhereWanted(application, rendered));
}

export function renderFor(renders: Renders, group: RenderGroup): Rendered {
  return renders.get(variantKey(variantOf(group))) ?? nothing;
}

function variantOf({ values, capabilities }: RenderGroup): Variant {
  return { ...(values.length === 0 ? {} : { values }), ...capabilities };
}

function markWhereWanted(application: Application, rendered: Rendered): Rendered {
  if (!application.substitute)
    return { ...rendered, problems: [...rendered.problems, ...refuseMarks(rendered.manifests)] };
  const { manifests, problems } = markManifests(rendered.manifests);
  return { manifests, problems: [...rendered.problems, ...problems] };
}

function checkEmpty({ sync, source, at }: Application, rendered: Rendered): Rendered {
  const { manifests, problems } = rendered;
  if (manifests.length > 0 || sync.allowEmpty || problems.some(({ severity }) => severity === "error")) return rendered;
  const message = `${source.path || "/"} renders no objects; what runs is kept`;
  return { manifests, problems: [...problems, { code: emptyRender, severity: "error", message, at }] };
}
