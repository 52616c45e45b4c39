import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Labels, Metrics } from "@drover/shared/metrics";

import type { KubeApi } from "../kube/api.ts";

const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts and times every request to the API server. */
export function meter(kube: KubeApi, metrics: Metrics, clock: Pick<Clock, "now">): KubeApi {
  const requests = metrics.counter("drover_agent_kube_requests_total", "Requests to the API server by verb and answer");
  const seconds = metrics.histogram("drover_agent_kube_request_seconds", "Time to the API server's answer", buckets);
  const answers = keepLabels((verb, code) => ({ verb, code }));
  const verbs = keepLabels((verb) => ({ verb }));
  const timed = async <T extends Answer>(verb: string, call: () => Promise<T>): Promise<T> => {
    const startedAt = clock.now();
    let code = "ok";
    try {
      const answer = await call();
      if (answer.kind === "refused") code = String(answer.refusal?.status ?? "refused");
      return answer;
    } catch (cause) {
      code = DroverError.from(cause).code;
      throw cause;
    } finally {
      requests.add(1, answers(verb, code));
      // A clock that is set back meanwhile tells nothing.
      seconds.observe(Math.max(0, clock.now() - startedAt) / 1000, verbs(verb));
    }
  };
  return {
    request: (request, signal) => timed(request.method, () => kube.request(request, signal)),
    stream: (path, accept, signal) => timed("WATCH", () => kube.stream(path, accept, signal)),
    [Symbol.asyncDispose]: () => kube[Symbol.asyncDispose](),
  };
}

/** The same set for the same values: there are few, and each is used for every request. */
function keepLabels(make: (verb: string, code: string) => Labels): (verb: string, code?: string) => Labels {
  const kept = new Map<string, Labels>();
  return (verb, code = "") => {
    const key = `${verb} ${code}`;
    const labels = kept.get(key) ?? make(verb, code);
    kept.set(key, labels);
    return labels;
  };
}

interface Answer {
  readonly kind: string;
  readonly refusal?: { readonly status: number };
}
