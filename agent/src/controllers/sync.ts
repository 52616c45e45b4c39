import { defaultSync, type SyncOptions } from "@drover/shared/sync-options";

import type { Context } from "./context.ts";

/** How the objects of an application are to be treated, by the newest assignment that names it. */
export function syncOf(context: Pick<Context, "acceptance">, application: string): SyncOptions {
  const intent = context.acceptance.intent(application);
  return "assignment" in intent ? intent.assignment.sync : defaultSync;
}
