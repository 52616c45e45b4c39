import type { JsonRecord } from "@drover/shared/json";

import { conditionOf, current, isStale, outdated, progressing, verdict, type Verdict } from "./verdict.ts";

/** cert-manager: while a certificate is being issued, or issued anew, `Ready` tells of the one before. */
export function assessCertificate(object: JsonRecord): Verdict {
  const issuing = conditionOf(object, "Issuing");
  if (issuing?.status === "True") return progressing(issuing.reason || "Issuing", issuing.message);
  return assessIssuer(object);
}

/** Issuer and ClusterIssuer: one that is not ready has been tried and refused. */
export function assessIssuer(object: JsonRecord): Verdict {
  const ready = conditionOf(object, "Ready");
  if (ready === undefined) return progressing("NotObserved", "cert-manager has not seen it yet");
  if (isStale(object, ready)) return outdated;
  if (ready.status === "True") return current;
  const reason = ready.reason || "NotReady";
  return ready.status === "False" ? verdict("Degraded", reason, ready.message) : progressing(reason, ready.message);
}
