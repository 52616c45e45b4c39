import { textAt, type JsonRecord } from "@drover/shared/json";

import { current, progressing, verdict, type Verdict } from "./verdict.ts";

export function assessNamespace(object: JsonRecord): Verdict {
  const phase = textAt(object, "status", "phase");
  if (phase === "Active") return current;
  if (phase === "Terminating") return verdict("Terminating", "Terminating", "it is being deleted");
  return progressing("NotActive", "the namespace is not active yet");
}
