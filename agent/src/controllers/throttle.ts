import type { Clock } from "@drover/shared/clock";

import { createConcurrency, finish, take, type Finished } from "../core/concurrency.ts";
import type { KubeAnswer, KubeApi } from "../kube/api.ts";
import { createLimit, type Limit } from "./limit.ts";

/** Keeps the agent from being a burden: what the API server says to one request holds for all that follow. */
export interface Throttle {
  /** Bounds the writes of the whole agent, at more or less at once as the server takes them. */
  readonly limit: Limit;
  /** The same API; each request waits as long as the server asked for. */
  over(kube: KubeApi): KubeApi;
}

export function createThrottle(clock: Clock): Throttle {
  const state = createConcurrency(clock.now());
  const untilAllowed = async (signal: AbortSignal): Promise<void> => {
    let waitMs = take(state, clock.now());
    while (waitMs > 0) {
      await clock.sleep(waitMs, signal);
      // The server may have asked for more in the meantime.
      waitMs = state.pausedUntilMs - clock.now();
    }
  };
  const note = (sentAtMs: number, answer: KubeAnswer | undefined): void => {
    const refusal = answer?.kind === "refused" ? answer.refusal : undefined;
    const { retryAfterMs } = refusal ?? {};
    finish(state, {
      sentAtMs,
      nowMs: clock.now(),
      outcome: outcomeOf(answer),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      flowControlled: answer?.flowControlled,
    });
  };
  return {
    limit: createLimit(() => state.limit),
    over: (kube) => ({
      async request(request, signal) {
        await untilAllowed(signal);
        const sentAtMs = clock.now();
        let answer: KubeAnswer | undefined;
        try {
          answer = await kube.request(request, signal);
          return answer;
        } finally {
          note(sentAtMs, answer);
        }
      },
      async stream(path, accept, signal) {
        await untilAllowed(signal);
        const sentAtMs = clock.now();
        const answer = await kube.stream(path, accept, signal);
        if (answer.kind === "refused") note(sentAtMs, answer);
        return answer;
      },
      [Symbol.asyncDispose]: () => kube[Symbol.asyncDispose](),
    }),
  };
}

/** A refusal of one object says nothing about the server's load; `Retry-After` does, whatever it comes with. */
function outcomeOf(answer: KubeAnswer | undefined): Finished["outcome"] {
  if (answer === undefined) return "failed";
  if (answer.kind === "ok") return "done";
  const { status, retryAfterMs } = answer.refusal;
  if (status === 429 || retryAfterMs !== undefined) return "slow-down";
  return status >= 500 ? "failed" : "done";
}
