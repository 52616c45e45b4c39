import type { Clock } from "@drover/shared/clock";
import type { Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import type { Service } from "@drover/shared/service";

import type { Acceptance } from "./acceptance.ts";
import { blobsOf } from "./bundle.ts";
import type { Context } from "./context.ts";

const everyMs = 60_000;

/** Deletes blobs that no application can need any more: neither what is assigned, nor what is applied, nor the one before. */
export function createRetention(
  context: Context,
  options: { readonly acceptance: Pick<Acceptance, "intent" | "names">; readonly clock: Clock },
): Service {
  const { acceptance, clock } = options;
  const bundles = (): readonly Digest[] => {
    const applications = [...context.state.applications.values()];
    const present = applications.flatMap(({ bundle, applied, previous }) => [bundle, applied, previous]);
    const assigned = acceptance.names().map((name) => {
      const intent = acceptance.intent(name);
      return "assignment" in intent ? intent.assignment.bundle : "";
    });
    return [...new Set([...present, ...assigned])].filter((digest) => digest !== "").toSorted();
  };
  return {
    name: "retention",
    async run(signal) {
      let swept = "";
      while (!signal.aborted) {
        await clock.sleep(everyMs, signal).catch(() => undefined);
        const needed = bundles();
        if (signal.aborted || needed.join() === swept) continue;
        try {
          await context.blobs.retain(await blobsOf(context, needed));
          swept = needed.join();
        } catch (cause) {
          context.log.warn({ code: DroverError.from(cause).code }, "old blobs could not be deleted");
        }
      }
    },
  };
}
