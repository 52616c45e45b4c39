import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";

import { current, forAWhile, progressing, type Verdict } from "./verdict.ts";

/** Whether a controller of that class exists shows only in whether it answers. */
const classGraceMs = 5 * 60_000;

/** A load balancer is there when it has an address; one of a class of its own may have no controller that gives any. */
export function assessService(object: JsonRecord): Verdict {
  if (textAt(object, "spec", "type") !== "LoadBalancer") return current;
  if (recordsAt(object, "status", "loadBalancer", "ingress").length > 0) return current;
  const waiting = progressing("WaitingForAddress", "the load balancer has no address yet");
  const handler = textAt(object, "spec", "loadBalancerClass");
  if (handler === undefined) return waiting;
  return forAWhile(waiting, classGraceMs, { ...current, message: `no controller of class ${handler} gave an address` });
}
