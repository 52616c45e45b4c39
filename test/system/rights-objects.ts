import { at } from "@drover/shared/json";

import type { LoneAgent } from "./lone-agent.ts";

const rbac = "rbac.authorization.k8s.io";

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export async function createNamespace(agent: LoneAgent, name: string): Promise<void> {
  await agent.create("/api/v1/namespaces", { metadata: { name } });
}

export async function createAccount(agent: LoneAgent, namespace: string, name: string): Promise<void> {
  await agent.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
}

export const accountPath = (namespace: string, name: string): string =>
  `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`;

export const rolePath = (namespace: string, name: string): string =>
  `/apis/${rbac}/v1/namespaces/${namespace}/roles/${name}`;

/** Grants rules in one namespace: to the service account of that name in it, or to somebody else. */
export async function grant(
  agent: LoneAgent,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  rules: readonly Rule[],
  subject: object = { kind: "ServiceAccount", name, namespace },
): Promise<void> {
  const root = `/apis/${rbac}/v1/namespaces/${namespace}`;
  await agent.create(`${root}/roles`, { metadata: { name }, rules });
  await agent.create(`${root}/rolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: "Role", name },
    subjects: [subject],
  });
}

/** All that a service account may do in its namespace, as `kubectl auth can-i --list` asks for it. */
export async function rulesOf(agent: LoneAgent, namespace: string, name: string): Promise<unknown> {
  const answer = await agent.call({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    as: `system:serviceaccount:${namespace}:${name}`,
    body: JSON.stringify({
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectRulesReview",
      spec: { namespace },
    }),
  });
  if (answer.kind === "refused") throw new Error(answer.refusal.message);
  return at(answer.body, "status", "resourceRules");
}

export const allVerbs = ["get", "create", "patch", "delete"];
export const configMapRule: Rule = { apiGroups: [""], resources: ["configmaps"], verbs: allVerbs };
