import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";

import { current, forAWhile, progressing, unobserved, verdict, type Verdict } from "./verdict.ts";

const failing = new Set([
  "FailedGetScale",
  "FailedUpdateScale",
  "FailedGetResourceMetric",
  "FailedGetObjectMetric",
  "FailedGetPodsMetric",
  "FailedGetExternalMetric",
  "FailedComputeMetricsReplicas",
  "InvalidSelector",
]);

/** Metrics of new pods take this long to come in. */
const warmUpMs = 5 * 60_000;

/** Degraded only by a condition that is False now: a reason on a condition that holds is history. */
export function assessAutoscaler(object: JsonRecord): Verdict {
  const found = conditions(object);
  if (found.length === 0) return unobserved;
  for (const condition of found) {
    const reason = textAt(condition, "reason") ?? "";
    if (condition["status"] === "False" && failing.has(reason)) {
      const message = textAt(condition, "message") ?? "";
      return forAWhile(progressing(reason, message), warmUpMs, verdict("Degraded", reason, message));
    }
  }
  return current;
}

/** autoscaling/v1 has its conditions as JSON in an annotation. */
function conditions(object: JsonRecord): readonly JsonRecord[] {
  const direct = recordsAt(object, "status", "conditions");
  if (direct.length > 0) return direct;
  const annotation = textAt(object, "metadata", "annotations", "autoscaling.alpha.kubernetes.io/conditions");
  if (annotation === undefined) return [];
  try {
    return recordsAt({ conditions: JSON.parse(annotation) as unknown }, "conditions");
  } catch {
    return [];
  }
}
