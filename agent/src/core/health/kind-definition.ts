import type { JsonRecord } from "@drover/shared/json";

import { conditionOf, current, progressing, verdict, type Verdict } from "./verdict.ts";

/** CustomResourceDefinitions: usable once the names are accepted and the kind is served. */
export function assessKindDefinition(object: JsonRecord): Verdict {
  const names = conditionOf(object, "NamesAccepted");
  if (names?.status === "False") return verdict("Failed", names.reason || "NamesNotAccepted", names.message);
  const established = conditionOf(object, "Established");
  if (established?.status === "False" && established.reason !== "Installing") {
    return verdict("Failed", established.reason || "NotEstablished", established.message);
  }
  if (established?.status !== "True") return progressing("Installing", "the kind is not served yet");
  const nonStructural = conditionOf(object, "NonStructuralSchema");
  if (nonStructural?.status === "True") return verdict("Degraded", "NonStructuralSchema", nonStructural.message);
  return current;
}
