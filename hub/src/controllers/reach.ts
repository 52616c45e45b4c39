import type { Plan } from "../core/plan.ts";
import { wideChanges } from "../core/reach.ts";
import type { Store } from "../store/store.ts";
import type { World } from "./world.ts";

/**
 * Holds what would change where an application runs on too many clusters at once, until a person confirms exactly that.
 * Returns the clusters that stay as they are.
 */
export function holdWideChanges(
  { store, world }: { readonly store: Store; readonly world: World },
  app: string,
  { changes }: Pick<Plan, "changes">,
): ReadonlySet<string> {
  const confirmed = store.confirmedReach(app);
  // What a rollout has begun to reach, wave by wave, was taken as a whole when it began.
  const begun = new Set(store.rolloutsOf(app).flatMap(({ pinned }) => Object.keys(pinned)));
  const news = changes.filter(({ kind, cluster }) => kind !== "add" || !begun.has(cluster));
  const all = wideChanges(app, news, world.running(app).size);
  const wide = all.filter(({ digest }) => digest !== confirmed);
  // What was confirmed has happened, or is not wanted any more: the next time a person is asked again.
  if (confirmed !== "" && wide.length === all.length) store.confirmReach(app, "");
  const [first] = wide;
  const before = world.application(app).wide;
  if (first !== undefined) {
    const message = `${first.message}; to let it happen: drover sync ${app} --confirm-placement`;
    world.setApplication(app, { wide }, { type: "Confirmed", status: "False", reason: "WideChange", message });
  } else if (before.length > 0) {
    world.setApplication(app, { wide }, { type: "Confirmed", status: "True", reason: "Confirmed", message: "" });
  }
  return new Set(wide.flatMap(({ clusters }) => clusters));
}
