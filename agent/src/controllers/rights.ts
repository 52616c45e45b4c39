import { at } from "@drover/shared/json";
import type { ObjectKey } from "@drover/shared/kube/manifest";

import { describeMissingRights, type Verb } from "../core/rights.ts";
import type { KubeApi, Refusal, Resource } from "../kube/api.ts";
import { troubleOf, type Trouble } from "../kube/trouble.ts";

export interface Refused {
  readonly resource: Resource;
  readonly at: Pick<ObjectKey, "namespace" | "name">;
  /** Service account as `namespace/name` that asked; "" = the agent itself. */
  readonly account: string;
  /** What was to be done. */
  readonly verbs: readonly Verb[];
  readonly refusal: Refusal;
}

/** Nobody's rights change by themselves: what grants too much is sent again this rarely (case 65). */
const escalationRetryMs = 5 * 60_000;

/**
 * What to do about a refusal, and for a 403 which right is missing: it says so only in its text, or
 * not at all, so the server is asked for each right on its own (case 64). When none is missing, it was the content that
 * was refused. `kube` is whose request it was.
 */
export async function explainRefusal(kube: KubeApi, refused: Refused, signal: AbortSignal): Promise<Trouble> {
  const { resource, account, verbs, refusal } = refused;
  const trouble = troubleOf(refusal);
  if (trouble.reason !== "Forbidden") return trouble;
  const say = (reason: string, message: string): Trouble => ({ ...trouble, reason, message });
  const missing: Verb[] = [];
  for (const verb of verbs) {
    const answer = await mayDo(kube, refused, verb, signal);
    if (answer === "cannot-impersonate") {
      return say("CannotImpersonate", `the agent may not act as service account ${account}: impersonate is needed`);
    }
    if (answer === "unknown") return trouble;
    if (answer === "no") missing.push(verb);
  }
  if (missing.length > 0) {
    return say("Forbidden", describeMissingRights({ resource, namespace: refused.at.namespace, account, missing }));
  }
  if (resource.group === "rbac.authorization.k8s.io") {
    const message = `it grants rights that ${account === "" ? "the agent" : `service account ${account}`} does not have`;
    const rules = escalatedRules(refusal.message);
    return {
      ...say("Escalation", rules === "" ? message : `${message}: ${rules}`),
      retry: "later",
      retryAfterMs: escalationRetryMs,
    };
  }
  return say("AdmissionDenied", "an admission controller of the cluster refuses it");
}

async function mayDo(
  kube: KubeApi,
  { resource, at: where }: Refused,
  verb: Verb,
  signal: AbortSignal,
): Promise<"yes" | "no" | "unknown" | "cannot-impersonate"> {
  const { group, version, plural } = resource;
  const resourceAttributes = { group, version, resource: plural, namespace: where.namespace, name: where.name, verb };
  const body = JSON.stringify({
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes },
  });
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const answer = await kube.request({ method: "POST", path, body }, signal);
  if (answer.kind === "ok") return at(answer.body, "status", "allowed") === true ? "yes" : "no";
  // Everybody may ask about himself, so what is refused is to ask as the account.
  return answer.refusal.status === 403 && answer.refusal.about === "serviceaccounts" ? "cannot-impersonate" : "unknown";
}

/** The rules in the message of the server's check for escalation, which lists those that whoever writes it lacks. */
function escalatedRules(message: string): string {
  const rules = message.match(
    /\{(?:(?:APIGroups|Resources|ResourceNames|NonResourceURLs|Verbs):\[[^\]{}]*\](?:, )?)+\}/gu,
  );
  return (rules ?? []).slice(0, 5).join(", ");
}
