import type { RbacResult } from "@drover/shared/api/types";
import { textAt } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";

import { rbacFor, type Grantable, type ManagedObject } from "../core/rbac.ts";
import type { ApplicationRecord, ObjectRecord } from "../core/record.ts";
import { namespaces } from "../kube/config-maps.ts";
import { formatAccount, parseAccount, type ServiceAccount } from "../kube/impersonation.ts";
import { getObject } from "../kube/objects.ts";
import { readObject } from "./bundle.ts";
import type { Context } from "./context.ts";

/** Bounds the answer; whoever has more namespaces than this hands out rights by other means. */
const maxNamespaces = 200;

export interface RbacSubject {
  readonly application: ApplicationRecord;
  readonly cluster: string;
  readonly agent: ServiceAccount;
}

/** What the objects of an application, wanted and owned, ask of its service account and of the agent. */
export async function collectRbac(
  context: Context,
  { application, cluster, agent }: RbacSubject,
  signal: AbortSignal,
): Promise<RbacResult> {
  const records = [...application.objects.values()];
  const definitions = await readDefinitions(context, records);
  const objects: ManagedObject[] = [];
  const unknownKinds = new Set<string>();
  for (const record of records) {
    const resource = await findResource(context, { record, definitions }, signal);
    if (resource === undefined) unknownKinds.add(kindOf(record));
    else objects.push(await toManaged(context, record, resource));
  }
  // One that names none yet gets one of its own name, in the namespace that its objects go to.
  const suggested = { namespace: application.namespace || "default", name: application.name };
  const account = parseAccount(application.account) ?? suggested;
  const used = new Set([account.namespace, ...objects.map(({ key }) => key.namespace)].filter((name) => name !== ""));
  const missingNamespaces: string[] = [];
  for (const name of [...used].slice(0, maxNamespaces)) {
    const at = { namespace: "", name };
    const found = await getObject(context.kube, { resource: namespaces, at, metadataOnly: true }, signal);
    if (found.kind === "gone") missingNamespaces.push(name);
  }
  const rbac = rbacFor({ application: application.name, account, agent, objects, missingNamespaces });
  return {
    app: application.name,
    cluster,
    serviceAccount: formatAccount(account),
    named: application.account !== "",
    account: [...rbac.account],
    agent: [...rbac.agent],
    unknownKinds: [...unknownKinds].toSorted(),
  };
}

/** A role or binding of the bundle is read for what it hands out; of others only the kind counts. */
async function toManaged(context: Context, record: ObjectRecord, resource: Grantable): Promise<ManagedObject> {
  const key = { ...record.key, namespace: resource.namespaced ? record.key.namespace : "" };
  const isRole = key.group === "rbac.authorization.k8s.io" && record.desired !== "";
  return { key, resource, ...(isRole ? { body: await readObject(context, record.desired) } : {}) };
}

async function findResource(
  context: Context,
  { record, definitions }: { readonly record: ObjectRecord; readonly definitions: readonly KubeObject[] },
  signal: AbortSignal,
): Promise<Grantable | undefined> {
  const { group, kind } = record.key;
  const found = await context.discovery.findAnyVersion({ group, version: record.version, kind }, signal);
  if (found !== undefined) return found;
  // The bundle may define the kind itself, and not have been applied for want of these very rights.
  const definition = definitions.find(
    (candidate) => textAt(candidate, "spec", "group") === group && textAt(candidate, "spec", "names", "kind") === kind,
  );
  const plural = textAt(definition, "spec", "names", "plural");
  return plural === undefined
    ? undefined
    : { group, plural, namespaced: textAt(definition, "spec", "scope") !== "Cluster" };
}

async function readDefinitions(context: Context, records: readonly ObjectRecord[]): Promise<readonly KubeObject[]> {
  const definitions = records.filter(({ key, desired }) => key.kind === "CustomResourceDefinition" && desired !== "");
  return Promise.all(definitions.map((record) => readObject(context, record.desired)));
}

function kindOf({ key, version }: ObjectRecord): string {
  return `${key.group === "" ? "" : `${key.group}/`}${version} ${key.kind}`;
}
