export type Verb = "get" | "list" | "watch" | "create" | "patch" | "delete";

export interface MissingRights {
  readonly resource: { readonly group: string; readonly plural: string; readonly namespaced: boolean };
  readonly namespace: string;
  /** Service account as `namespace/name`; "" = the agent itself. */
  readonly account: string;
  readonly missing: readonly Verb[];
}

/** One sentence for a person who hands out rights: who lacks which verbs, on what and where. */
export function describeMissingRights({ resource, namespace, account, missing }: MissingRights): string {
  const who = account === "" ? "the agent" : `service account ${account}`;
  const what = formatResource(resource);
  const where = resource.namespaced ? `in namespace ${namespace}` : "in the whole cluster";
  return `${who} may not ${missing.join(" or ")} ${what} ${where}`;
}

/** `deployments.apps`, `configmaps`. */
export function formatResource({ group, plural }: { readonly group: string; readonly plural: string }): string {
  return group === "" ? plural : `${plural}.${group}`;
}
