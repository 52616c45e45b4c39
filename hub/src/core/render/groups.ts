import { canonicalJson } from "@drover/shared/digest";
import type { JsonRecord } from "@drover/shared/json";

import type { Application } from "../application.ts";
import { markManifests, refuseMarks } from "../templates.ts";
import type { Rendered, Variant } from "./index.ts";

/** What overrides give to a chart, from weak to strong; the same for all clusters of a group. */
export interface Valued {
  readonly values: readonly JsonRecord[];
}

/** What an application renders for each set of values. */
export type Renders = ReadonlyMap<string, Rendered>;

/** The code of the problem that an application has which renders nothing, though nothing is not allowed. */
export const emptyRender = "empty-render";

const nothing: Rendered = { manifests: [], problems: [] };

/**
 * Renders once for each set of values; what runs nowhere is rendered too, so that its mistakes are seen. Marks variables
 * where manifests may hold them. An empty render takes everything away, so it has to be allowed (E2).
 */
export async function renderGroups(
  application: Application,
  groups: readonly Valued[],
  render: (variant: Variant) => Promise<Rendered>,
  finish: typeof finishRender = finishRender,
): Promise<Renders> {
  const renders = new Map<string, Rendered>();
  for (const { values } of groups.length === 0 ? [{ values: [] }] : groups) {
    const key = canonicalJson(values);
    if (renders.has(key)) continue;
    renders.set(key, finish(application, await render(values.length === 0 ? {} : { values })));
  }
  return renders;
}

/** What an application makes of what was rendered: variables where it wants them, and no nothing where it does not. */
export function finishRender(application: Application, rendered: Rendered): Rendered {
  return checkEmpty(application, markWhereWanted(application, rendered));
}

export function renderFor(renders: Renders, { values }: Valued): Rendered {
  return renders.get(canonicalJson(values)) ?? nothing;
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
