import { needsApply } from "../core/record.ts";
import type { Context } from "./context.ts";
import type { Dispatcher } from "./dispatch.ts";
import { isKindLeaving, type Kinds } from "./kinds.ts";
import type { Place } from "./state.ts";
import { contestedForMs } from "./turn.ts";

/**
 * Hands an object that has drifted out by itself: what was applied before waits for nothing else, and a look at the whole
 * application would take longer than the repair. That look decides only when anything about the application is not as it
 * was applied.
 */
export function repair(
  context: RepairContext & Pick<Context, "wake">,
  dispatcher: Pick<Dispatcher, "dispatch">,
  place: Place,
): void {
  if (isDue(context, place)) dispatcher.dispatch(place.application, [place.record]);
  else context.wake(place.application.name);
}

type RepairContext = Pick<Context, "acceptance" | "clock"> & Kinds;

function isDue(context: RepairContext, { application, record }: Place): boolean {
  const { acceptance, clock } = context;
  const intent = acceptance.intent(application.name);
  if (intent.kind !== "run" && intent.kind !== "keep") return false;
  const { bundle, namespace, syncRequest } = intent.assignment;
  const asApplied =
    application.bundle === bundle &&
    application.namespace === namespace &&
    application.syncRequest === syncRequest &&
    application.hindrance === undefined;
  if (!asApplied || record.applied !== record.desired || !needsApply(record) || record.inFlight) return false;
  const now = clock.now();
  return record.notBefore <= now && contestedForMs(record, now) <= 0 && !isKindLeaving(context, record);
}
