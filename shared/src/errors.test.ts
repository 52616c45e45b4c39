import { expect, it } from "vitest";

import { setCondition } from "./conditions.ts";
import { DroverError, redactCredentials } from "./errors.ts";
import { createMetrics } from "./metrics.ts";
import { formatProblem } from "./problems.ts";
import { backoffMs } from "./retry.ts";
import { compareStates, worstState } from "./state.ts";

it("takes credentials out of every address in an error's message", () => {
  const error = new DroverError("source_auth", "fetch of https://ana:s3cret@git.example/a.git?x failed");
  expect(error.message).toBe("fetch of https://***@git.example/a.git?x failed");
  expect(redactCredentials("ssh://git@host and http://t0ken@h/p")).toBe("ssh://***@host and http://***@h/p");
});

it("keeps an error of ours as it is, and an abort is not an internal error", () => {
  const error = new DroverError("not_found", "gone");
  expect(DroverError.from(error)).toBe(error);
  expect(DroverError.from(new DOMException("stop", "AbortError")).code).toBe("canceled");
  expect(DroverError.from(new Error("other")).code).toBe("internal");
});

it("writes a problem as a line that editors can follow", () => {
  const at = { file: "apps/web.yaml", line: 3, column: 5 };
  const problem = {
    code: "duplicate-key",
    severity: "error",
    message: "key a is there twice",
    at,
    hint: "drop one",
  } as const;
  expect(formatProblem(problem)).toBe("apps/web.yaml:3:5: key a is there twice (drop one)");
});

it("moves the time of a condition only when its status changes", () => {
  const first = setCondition([], { type: "Ready", status: "False", reason: "A", message: "a" }, 10);
  const second = setCondition(first, { type: "Ready", status: "False", reason: "B", message: "b" }, 20);
  const third = setCondition(second, { type: "Ready", status: "True", reason: "C", message: "" }, 30);
  expect([first, second, third].map((conditions) => conditions[0]?.since)).toEqual([10, 10, 30]);
  expect(second[0]?.reason).toBe("B");
});

it("backs off exponentially, within its cap and its jitter", () => {
  const backoff = { baseMs: 100, factor: 2, capMs: 1_000, jitter: 0.2 };
  expect([0, 1, 2, 3, 4, 900].map((attempt) => backoffMs(backoff, attempt, () => 0.5))).toEqual([
    100, 200, 400, 800, 1000, 1000,
  ]);
  expect(backoffMs(backoff, 0, () => 0)).toBe(80);
});

it("orders states so that what needs a person comes first", () => {
  expect(worstState(["current", "drifted", "failed"], "no-targets")).toBe("failed");
  expect(worstState([], "no-targets")).toBe("no-targets");
  expect(compareStates("offline", "current")).toBeLessThan(0);
});

it("renders metrics in the Prometheus text format, with escaped labels", () => {
  const metrics = createMetrics();
  const requests = metrics.counter("requests_total", "Requests");
  requests.add(1, { route: 'a"b' });
  requests.add(2, { route: 'a"b' });
  const seconds = metrics.histogram("seconds", "Time", [0.1, 1]);
  seconds.observe(0.5);
  const gauge = metrics.gauge("size", "Size");
  metrics.onCollect(() => gauge.set(7));
  expect(metrics.render()).toBe(`# HELP requests_total Requests
# TYPE requests_total counter
requests_total{route="a\\"b"} 3
# HELP seconds Time
# TYPE seconds histogram
seconds_bucket{le="0.1"} 0
seconds_bucket{le="1"} 1
seconds_bucket{le="+Inf"} 1
seconds_sum 0.5
seconds_count 1
# HELP size Size
# TYPE size gauge
size 7
`);
});

it("takes credentials out of long texts in no time, whatever they are of", () => {
  const startedAt = performance.now();
  for (const part of ["x", "a:", "a://", "a.b-"]) redactCredentials(part.repeat(100_000));
  // Quadratic it took a minute.
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});
