import { DroverError } from "@drover/shared/errors";
import type { Service } from "@drover/shared/service";

import { endGrace, isUnready, type ObjectRecord } from "../core/record.ts";
import { actingFor, type Context } from "./context.ts";
import { findCause, isWorkload } from "./evidence.ts";
import type { Place } from "./state.ts";

type DiagnosisContext = Pick<Context, "kube" | "discovery" | "blobs" | "clock" | "log"> & {
  readonly accounts: Pick<Context["accounts"], "kubeFor">;
  readonly state: Pick<Context["state"], "applications">;
};

const roundMs = 2_000;
/** How often the pods of a workload that stays unready are looked at. */
const againMs = 15_000;
/** Workloads of one round: enough to say why, never a burden. */
const maxWorkloads = 20;

/**
 * Finds out why workloads are not ready. Their own status only counts replicas; that an image cannot be pulled stands
 * in a pod. Pods are listed for workloads that have been unready for a round, and only then.
 */
export function createDiagnosis(context: DiagnosisContext, changed: (application: string) => void): Service {
  const { state, clock, log } = context;
  const lookAt = new Map<ObjectRecord, number>();
  const round = async (signal: AbortSignal): Promise<void> => {
    const now = clock.now();
    endGraces(context, changed);
    const unready = collectUnready(context);
    for (const record of lookAt.keys()) if (!unready.has(record)) lookAt.delete(record);
    let looked = 0;
    for (const [record, { application }] of unready) {
      const due = lookAt.get(record);
      if (due === undefined) lookAt.set(record, now + roundMs / 2);
      if (due === undefined || due > now || looked >= maxWorkloads) continue;
      looked += 1;
      lookAt.set(record, now + againMs);
      const cause = await findCause(actingFor(context, application), record, signal);
      if (cause?.reason === record.cause?.reason && cause?.message === record.cause?.message) continue;
      record.cause = isUnready(record.verdict) ? cause : undefined;
      changed(application.name);
    }
  };
  return {
    name: "diagnosis",
    async run(signal) {
      while (!signal.aborted) {
        await clock.sleep(roundMs, signal).catch(() => undefined);
        if (signal.aborted || state.applications.size === 0) continue;
        try {
          await round(signal);
        } catch (cause) {
          log.debug({ code: DroverError.from(cause).code }, "pods could not be looked at");
        }
      }
    },
  };
}

/** No event tells that time has passed. */
function endGraces({ state, clock }: DiagnosisContext, changed: (application: string) => void): void {
  for (const application of state.applications.values()) {
    const ended = [...application.objects.values()].filter((record) => endGrace(record, clock.now()));
    if (ended.length > 0) changed(application.name);
  }
}

function collectUnready({ state }: DiagnosisContext): ReadonlyMap<ObjectRecord, Place> {
  const found = new Map<ObjectRecord, Place>();
  for (const application of state.applications.values()) {
    for (const record of application.objects.values()) {
      const { desired, key, verdict } = record;
      if (desired !== "" && isWorkload(key) && isUnready(verdict)) found.set(record, { application, record });
    }
  }
  return found;
}
