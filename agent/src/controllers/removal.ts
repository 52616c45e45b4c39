import { done, type Outcome } from "@drover/shared/controller";
import type { Tombstone } from "@drover/shared/link/link";

import type { ApplicationRecord } from "../core/record.ts";
import { beginRemoval, hasRemovalHooks, isAwaited, planRemoval, removalStage } from "../core/removal.ts";
import { leaveBundle } from "./bundle.ts";
import { wakeWaiting } from "./claims.ts";
import { actingFor, type Context } from "./context.ts";
import { detachObjects } from "./detach.ts";
import type { RoundOptions } from "./dispatch.ts";
import { sweepHooks } from "./hooks.ts";
import { pruneObjects } from "./prune.ts";
import { saveInventory } from "./save-inventory.ts";
import { nextTry, retryAt, takeTurn } from "./turn.ts";

/** Removes everything that a buried application owns, with its hooks and the guards of prune, or lets go of it. */
export async function removeApplication(
  options: RoundOptions,
  { name, tombstone }: { readonly name: string; readonly tombstone: Tombstone },
  signal: AbortSignal,
): Promise<Outcome> {
  const { context, dispatcher, changed } = options;
  const application = context.state.applications.get(name);
  if (application === undefined) {
    changed(name);
    return done;
  }
  application.phase = "removing";
  // A bundle that was not written wants nothing any more: nothing of the application is kept for it.
  application.refused = undefined;
  const { deletions: held } = context.bounds;
  if (held !== undefined) {
    application.hindrance = held;
    // Until then it is healed as it is.
    const turn = application.bundle === "" ? undefined : takeTurn(context, application);
    dispatcher.dispatch(application, turn?.due ?? []);
    changed(name);
    return turn === undefined ? done : retryAt(turn.nextAtMs, context.clock.now());
  }
  application.hindrance = await context.accounts.hindranceOf(application, signal);
  const wasKnown = beginRemoval(application);
  leave(context, application, tombstone);
  const hooksUnknown = application.removal === "" && application.objects.size > 0 && !tombstone.detach;
  if (wasKnown) wakeWaiting(context, application);
  // What is being made this moment could be made after it was looked for. Its end wakes the application.
  if (dispatcher.isBusy(application)) return done;
  try {
    const nextAtMs = tombstone.detach
      ? await detach(context, application, signal)
      : await runOrPrune(options, { application, tombstone }, signal);
    if (application.objects.size > 0) {
      await saveInventory(context, application, signal);
      context.state.touch(application);
      return retryAt(nextAtMs, context.clock.now());
    }
    await context.inventory.remove(name, signal);
    await context.state.remove(name, { hooksUnknown });
    context.log.info({ application: name }, "application removed");
    return done;
  } finally {
    changed(name);
  }
}

/** All that is not a hook still to be run is no longer wanted. Hooks whose content is lost are not run at all. */
function leave(context: Context, application: ApplicationRecord, { detach }: Tombstone): void {
  const objects = [...application.objects.values()];
  const awaited = new Set(detach ? [] : objects.filter((record) => isAwaited(application, record)));
  if (context.blobs.missing([...awaited].map(({ desired }) => desired)).length > 0) {
    application.removal = "";
    awaited.clear();
  }
  for (const record of objects) if (!awaited.has(record)) leaveBundle(application, record);
}

async function detach(context: Context, application: ApplicationRecord, signal: AbortSignal): Promise<number> {
  await detachObjects(actingFor(context, application), application, signal);
  return nextTry(application, context.clock.now());
}

/** Returns when to go on, in ms since the epoch. */
async function runOrPrune(
  { context, dispatcher }: RoundOptions,
  { application, tombstone }: { readonly application: ApplicationRecord; readonly tombstone: Tombstone },
  signal: AbortSignal,
): Promise<number> {
  const acting = actingFor(context, application);
  const confirmed = tombstone.confirmPrune;
  const stage = removalStage(application);
  const held = planRemoval(application, { stage, confirmed });
  const save = (): Promise<void> => saveInventory(context, application, signal);
  if (hasRemovalHooks(application)) {
    // How a hook has ended has to be remembered before what tells it is deleted.
    await save();
    await context.state.save(application);
  }
  if (stage !== undefined) {
    application.heldPrune = held;
    const turn = takeTurn(context, application);
    dispatcher.dispatch(application, turn.due);
    if (turn.due.length === 0) await sweepHooks(acting, application, signal);
    return turn.nextAtMs;
  }
  await pruneObjects(acting, { application, removal: true, prune: true, confirmed, save }, signal);
  // Nothing tells that all which a hook had to wait for is gone.
  if (removalStage(application) !== undefined) context.wake(application.name);
  return nextTry(application, context.clock.now());
}
