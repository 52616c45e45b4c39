import { recordAt, type JsonRecord } from "@drover/shared/json";

import { assessReady } from "./generic.ts";
import { current, forAWhile, progressing, type Verdict } from "./verdict.ts";

/** How long a controller has to say something about an object before its silence counts as consent. */
const graceMs = 30_000;

const unobserved = forAWhile(progressing("NotObserved", "no controller has reported on it yet"), graceMs, {
  ...current,
  message: "no controller reports on it",
});

/**
 * Kinds that a CustomResourceDefinition made. Without a status nobody may have looked at the object yet, so it is not
 * ready at once, as it is for kstatus; but many such kinds never get a status, so the wait ends.
 */
export function assessCustom(object: JsonRecord): Verdict {
  return isObserved(object) ? assessReady(object) : unobserved;
}

/** Kubernetes keeps groups without a dot and below `.k8s.io` to itself. */
export function isCustom(group: string): boolean {
  return group.includes(".") && !group.endsWith(".k8s.io");
}

function isObserved(object: JsonRecord): boolean {
  const status = recordAt(object, "status");
  return status !== undefined && Object.keys(status).length > 0;
}
