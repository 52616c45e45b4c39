import { formatDuration } from "@drover/shared/duration";
import { formatObjectKey } from "@drover/shared/kube/manifest";
import type { Assignment } from "@drover/shared/link/link";

import { findUnmet } from "../core/dependencies.ts";
import type { ApplicationRecord } from "../core/record.ts";
import { isHeldFor, type RefusedBundle, type Wait } from "../core/refused.ts";
import { keysOf, type Content } from "./bundle.ts";
import type { Context } from "./context.ts";

type Known = Pick<Context, "acceptance" | "clock" | "state">;

interface Target {
  readonly application: ApplicationRecord;
  readonly assignment: Assignment;
}

/** Why the assigned bundle is not to be taken in yet: an application that it depends on is not current here. */
export function waitForOthers(context: Known, { application, assignment }: Target): Wait | undefined {
  const { dependsOn, gateTimeoutMs } = assignment.sync;
  const missing = unmetBy(context, dependsOn);
  if (missing === undefined) return undefined;
  const now = context.clock.now();
  const { refused: before } = application;
  const known = isHeldFor(before, assignment) ? before.wait : undefined;
  const overdueAtMs = known?.overdueAtMs ?? now + gateTimeoutMs;
  const isOverdue = overdueAtMs <= now;
  const message = isOverdue ? `more than ${formatDuration(gateTimeoutMs)}: ${missing}` : missing;
  return { on: dependsOn, missing, message, overdueAtMs, isOverdue };
}

/** A bundle that waits: what it has is wanted all the same, so that nobody else deletes it meanwhile. */
export function heldBundle({ bundle, namespace }: Assignment, content: Content, wait: Wait): RefusedBundle {
  const wants = new Set(keysOf(content).map(formatObjectKey));
  return { bundle, namespace, wants, objects: new Map(), asked: 0, attempts: 1, notBefore: dueOf(wait), wait };
}

/** The same with what it waits for by now. */
export function heldAgain(refused: RefusedBundle, wait: Wait): RefusedBundle {
  return { ...refused, wait, notBefore: dueOf(wait) };
}

/** Lets those go on that wait for an application, when what they wait for has changed. */
export function wakeDependents(context: Known & Pick<Context, "wake">, name: string): void {
  for (const other of context.state.applications.values()) {
    const { refused } = other;
    if (refused?.wait?.on.includes(name) !== true) continue;
    if (unmetBy(context, refused.wait.on) === refused.wait.missing) continue;
    other.refused = { ...refused, notBefore: 0 };
    context.wake(other.name);
  }
}

function unmetBy({ acceptance, state }: Pick<Known, "acceptance" | "state">, names: readonly string[]) {
  return findUnmet(
    names.map((name) => {
      const intent = acceptance.intent(name);
      const bundle = "assignment" in intent ? intent.assignment.bundle : undefined;
      return { name, bundle, application: state.applications.get(name) };
    }),
  );
}

/** One that is overdue goes on when something happens. */
function dueOf({ isOverdue, overdueAtMs }: Wait): number {
  return isOverdue ? Number.POSITIVE_INFINITY : overdueAtMs;
}
