import type { Manifest } from "@drover/shared/kube/manifest";
import { uniqueProblems, type Problem } from "@drover/shared/problems";

import type { Application } from "../application.ts";
import { Contents } from "../contents.ts";
import { placeClusters, type Group } from "../desired.ts";
import { renderFor, renderGroups } from "../render/groups.ts";
import type { Rendered, Variant } from "../render/index.ts";
import { variantsOf } from "../variants.ts";
import type { TargetInput } from "./target.ts";

/** Renders an application as it is given, without memory. */
export type Render = (application: Application, variant: Variant) => Promise<Rendered>;

export interface RenderedTarget {
  readonly group: Group;
  /** Before any override. */
  readonly manifests: readonly Manifest[];
  /** Of the render, and of what overrides and variables make of it. */
  readonly problems: readonly Problem[];
  /** Of a target that no placement selects. */
  readonly unselected?: never;
}

/** What an application renders for a cluster; the reason when no placement selects it. */
export async function renderOn(
  input: TargetInput & { readonly render: Render },
): Promise<RenderedTarget | { readonly unselected: string }> {
  const { application, placements, clusters, cluster, running, render } = input;
  const { groups, unselected } = placeClusters(placements, clusters, running);
  const placed = groups.find((one) => one.clusters.some(({ name }) => name === cluster.name));
  if (placed === undefined)
    return { unselected: unselected.get(cluster.name) ?? `no placement names ${application.name}` };
  // Whether the chart looks at them makes no difference to what it comes to.
  const group: Group = { ...placed, capabilities: cluster.capabilities ?? {} };
  const renders = await renderGroups(application, [group], (variant) => render(application, variant));
  const { manifests, problems } = renderFor(renders, group);
  const variants = variantsOf({ manifests, overrides: group.overrides, clusters: [cluster] }, new Contents());
  const all = uniqueProblems([...problems, ...variants.flatMap((variant) => variant.problems)]);
  return { group, manifests, problems: all };
}
