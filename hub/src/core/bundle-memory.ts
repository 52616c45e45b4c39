import type { Application } from "./application.ts";
import type { PlaceableCluster } from "./cluster-selector.ts";
import type { BlobSet } from "./contents.ts";
import { bundleGroups, placeClusters, type Desired, type Group, type Placed } from "./desired.ts";
import type { Placement } from "./placement.ts";
import { finishRender } from "./render/groups.ts";
import type { Rendered } from "./render/index.ts";

/** What an application comes to, as `bundleGroups` tells it. */
export interface Bundled {
  readonly variants: Desired["variants"];
  /** Worked out when it is asked for, unless it was on the way: what changes nothing needs no content. */
  blobs(): BlobSet;
}

/**
 * Works out what one application comes to, and gives the last result again while it is made from the very same values.
 * These are never changed in place, so what is the same cannot mean anything else; what is equal but not the same only
 * costs the work. Keeps no content.
 */
export class BundleMemory {
  readonly #finished = new WeakMap<Rendered, { readonly application: Application; readonly finished: Rendered }>();
  #placed: { readonly inputs: readonly unknown[]; readonly placed: Placed } | undefined;
  #last: { readonly inputs: readonly unknown[]; readonly variants: Desired["variants"] } | undefined;

  /** As `finishRender`. */
  finish(application: Application, rendered: Rendered): Rendered {
    const known = this.#finished.get(rendered);
    if (known?.application === application) return known.finished;
    const finished = finishRender(application, rendered);
    this.#finished.set(rendered, { application, finished });
    return finished;
  }

  /** As `placeClusters`. Nobody's place depends on where it runs unless a choice is limited or a cluster is cordoned. */
  place(
    placements: readonly Placement[],
    clusters: readonly PlaceableCluster[],
    running: () => ReadonlySet<string>,
  ): Placed {
    const inputs = [placements.length, ...placements, ...clusters];
    if (this.#placed !== undefined && areSame(this.#placed.inputs, inputs)) return this.#placed.placed;
    const placed = placeClusters(placements, clusters, running());
    const isFree =
      placements.every(({ choice }) => choice === undefined) && clusters.every(({ cordoned }) => cordoned === "");
    this.#placed = isFree ? { inputs, placed } : undefined;
    return placed;
  }

  /** As `bundleGroups`. */
  bundle(placed: Placed, renderOf: (group: Group) => Rendered): Bundled {
    const inputs = inputsOf(placed, renderOf);
    if (this.#last !== undefined && areSame(this.#last.inputs, inputs)) {
      return { variants: this.#last.variants, blobs: () => bundleGroups(placed, renderOf).blobs };
    }
    const { variants, blobs } = bundleGroups(placed, renderOf);
    this.#last = { inputs, variants };
    return { variants, blobs: () => blobs };
  }
}

/** Everything that a bundle is made from. What a group gives to a chart follows from its overrides and clusters. */
function inputsOf({ groups }: Placed, renderOf: (group: Group) => Rendered): readonly unknown[] {
  return groups.flatMap((group) => {
    const { overrides, clusters, waiting } = group;
    return [renderOf(group), waiting, overrides.length, ...overrides, clusters.length, ...clusters];
  });
}

function areSame(before: readonly unknown[], now: readonly unknown[]): boolean {
  return before.length === now.length && before.every((value, index) => value === now[index]);
}
