import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";

import { current, progressing, type Verdict } from "./verdict.ts";

/** A load balancer is there when it has an address. */
export function assessService(object: JsonRecord): Verdict {
  if (textAt(object, "spec", "type") !== "LoadBalancer") return current;
  if (recordsAt(object, "status", "loadBalancer", "ingress").length > 0) return current;
  return progressing("WaitingForAddress", "the load balancer has no address yet");
}
