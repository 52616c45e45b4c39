import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";

import {
  conditionOf,
  current,
  findCondition,
  isStale,
  outdated,
  progressing,
  verdict,
  type Verdict,
} from "./verdict.ts";

/** Gateway API: a gateway is there once it is accepted and programmed, and every listener finds what it refers to. */
export function assessGateway(object: JsonRecord): Verdict {
  const own = assessAccepted(object, recordsAt(object, "status", "conditions"), "");
  if (own !== undefined) return own;
  for (const listener of recordsAt(object, "status", "listeners")) {
    const where = `listener ${textAt(listener, "name") ?? ""}: `;
    const trouble = assessReferences(object, recordsAt(listener, "conditions"), where);
    if (trouble !== undefined) return trouble;
  }
  if (conditionOf(object, "Programmed") === undefined) {
    return progressing("NotProgrammed", "the gateway is not programmed yet");
  }
  return assessProgrammed(object, recordsAt(object, "status", "conditions"), "") ?? current;
}

/** HTTPRoute, GRPCRoute and their like: each parent has conditions of its own, and all of them have to agree. */
export function assessRoute(object: JsonRecord): Verdict {
  if (recordsAt(object, "spec", "parentRefs").length === 0) return current;
  const parents = recordsAt(object, "status", "parents");
  if (parents.length === 0) return progressing("NotObserved", "no gateway has taken the route yet");
  const verdicts = parents.map((parent) => {
    const conditions = recordsAt(parent, "conditions");
    const where = `parent ${textAt(parent, "parentRef", "name") ?? ""}: `;
    return (
      assessAccepted(object, conditions, where) ??
      assessReferences(object, conditions, where) ??
      assessProgrammed(object, conditions, where)
    );
  });
  return verdicts.find((each) => each?.health === "Degraded") ?? verdicts.find((each) => each !== undefined) ?? current;
}

function assessAccepted(object: JsonRecord, conditions: readonly JsonRecord[], where: string): Verdict | undefined {
  const accepted = findCondition(conditions, "Accepted");
  if (accepted === undefined) return progressing("NotAccepted", `${where}not accepted yet`);
  if (isStale(object, accepted)) return outdated;
  if (accepted.status === "True") return undefined;
  const message = `${where}${accepted.message}`;
  // `Unknown`, `Pending` is what the API itself sets as a default, before any controller has looked.
  const isPending = accepted.status === "Unknown" || accepted.reason === "Pending";
  return isPending ? progressing("Pending", message) : verdict("Degraded", accepted.reason || "NotAccepted", message);
}

/** Some implementations also say when a route is in effect. */
function assessProgrammed(object: JsonRecord, conditions: readonly JsonRecord[], where: string): Verdict | undefined {
  const programmed = findCondition(conditions, "Programmed");
  if (programmed === undefined) return undefined;
  if (isStale(object, programmed)) return outdated;
  if (programmed.status === "True") return undefined;
  return progressing(programmed.reason || "NotProgrammed", `${where}${programmed.message}`);
}

function assessReferences(object: JsonRecord, conditions: readonly JsonRecord[], where: string): Verdict | undefined {
  const resolved = findCondition(conditions, "ResolvedRefs");
  if (resolved === undefined) return undefined;
  if (isStale(object, resolved)) return outdated;
  if (resolved.status !== "False") return undefined;
  return verdict("Degraded", resolved.reason || "RefsNotResolved", `${where}${resolved.message}`);
}
