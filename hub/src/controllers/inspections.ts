import { randomUUID } from "node:crypto";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { HubLink, Inspect, Inspection } from "@drover/shared/link/link";

import { formatTarget, type TargetId } from "../core/target.ts";

const timeoutMs = 15_000;
/** Questions that may wait for answers at once. */
const limit = 1_000;

/** Questions to agents about live state, and their answers. */
export interface Inspections {
  /** The JSON text of the agent's answer. Throws `cluster_offline`, `timeout`, or the agent's own code. */
  ask(target: TargetId, what: Inspect["what"], signal: AbortSignal): Promise<unknown>;
  answered(cluster: string, inspection: Inspection): void;
}

interface Waiting {
  readonly cluster: string;
  readonly settle: (inspection: Inspection) => void;
}

export function createInspections(link: Pick<HubLink, "send">, clock: Pick<Clock, "sleep">): Inspections {
  const waiting = new Map<string, Waiting>();
  return {
    async ask(target, what, signal) {
      if (waiting.size >= limit)
        throw new DroverError("timeout", "too many questions to agents are waiting for answers");
      const id = randomUUID();
      const answered = new AbortController();
      const waits = AbortSignal.any([signal, answered.signal]);
      try {
        return await new Promise<unknown>((resolve, reject) => {
          const late = (): void => reject(new DroverError("timeout", `${target.cluster} did not answer within 15 s`));
          clock.sleep(timeoutMs, waits).then(late, late);
          waiting.set(id, { cluster: target.cluster, settle: (answer) => settle(answer, resolve, reject) });
          const inspect: Inspect = { id, application: target.app, what };
          if (!link.send(target.cluster, { kind: "inspect", inspect })) {
            reject(
              new DroverError(
                "cluster_offline",
                `${formatTarget(target)} cannot be looked at: its agent is not connected`,
                {
                  hint: `drover describe cluster ${target.cluster}`,
                },
              ),
            );
          }
        });
      } finally {
        answered.abort();
        waiting.delete(id);
      }
    },
    answered(cluster, inspection) {
      const entry = waiting.get(inspection.id);
      if (entry?.cluster === cluster) entry.settle(inspection);
    },
  };
}

function settle(
  inspection: Inspection,
  resolve: (value: unknown) => void,
  reject: (reason: DroverError) => void,
): void {
  const { error, result } = inspection;
  if (error !== undefined) {
    reject(new DroverError(error.code === "not_found" ? "not_found" : "internal", error.message));
    return;
  }
  try {
    resolve(JSON.parse(new TextDecoder().decode(result)));
  } catch (cause) {
    reject(new DroverError("internal", "the agent's answer is not JSON", { cause }));
  }
}
