import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";

import { current, progressing, type Verdict } from "./verdict.ts";

/** On an Ingress, `strict` has its health wait for an address. */
const healthAnnotation = "drover.dev/health";

/** Many ingress controllers never publish an address, so only who asks for it waits for one. */
export function assessIngress(object: JsonRecord): Verdict {
  if (textAt(object, "metadata", "annotations", healthAnnotation) !== "strict") return current;
  if (recordsAt(object, "status", "loadBalancer", "ingress").length > 0) return current;
  return progressing("WaitingForAddress", "no ingress controller has published an address yet");
}
