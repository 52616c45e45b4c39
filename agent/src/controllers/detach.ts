import { DroverError } from "@drover/shared/errors";
import { backoffMs, type Backoff } from "@drover/shared/retry";

import { findHeir } from "../core/claims.ts";
import { dropRecord, type ApplicationRecord, type ObjectRecord } from "../core/record.ts";
import { troubleOfError } from "../kube/trouble.ts";
import { claimsOn, findUnread, keptFor } from "./claims.ts";
import type { Context } from "./context.ts";
import { disown } from "./disown.ts";
import { allEnded } from "./limit.ts";

const backoff: Backoff = { baseMs: 250, factor: 2, capMs: 60_000, jitter: 0.2 };

/** Lets go of everything that an application owns, and deletes none of it. */
export async function detachObjects(
  context: Context,
  application: ApplicationRecord,
  signal: AbortSignal,
): Promise<void> {
  const now = context.clock.now();
  const due = [...application.objects.values()].filter((record) => record.notBefore <= now);
  await allEnded(due.map((record) => context.limit(() => detachRecord(context, { application, record }, signal))));
}

async function detachRecord(
  context: Context,
  owned: { readonly application: ApplicationRecord; readonly record: ObjectRecord },
  signal: AbortSignal,
): Promise<void> {
  const { application, record } = owned;
  let obstacle;
  try {
    // Who takes it over finds it marked, and so knows it for one of ours.
    const heir = findHeir(claimsOn(context, application, record.key)) ?? findUnread(context, application);
    const kept = context.bounds.forbids(record.key) ?? (heir === undefined ? undefined : keptFor(heir));
    obstacle = kept ?? (await disown(context, owned, signal));
  } catch (cause) {
    if (signal.aborted) throw cause;
    obstacle = troubleOfError(DroverError.from(cause));
  }
  if (obstacle === undefined) return dropRecord(application, record.key);
  record.obstacle = obstacle;
  record.notBefore = context.clock.now() + backoffMs(backoff, record.attempts, context.random);
  record.attempts += 1;
}
