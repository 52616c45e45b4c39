import type { DiffResult, RbacResult, TreeNode, TreeResult } from "@drover/shared/api/types";
import { DroverError } from "@drover/shared/errors";
import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { diffObjects } from "@drover/shared/kube/diff";
import { formatFieldPath } from "@drover/shared/kube/field-path";
import { formatObjectKey } from "@drover/shared/kube/manifest";
import { formatChange, redactText } from "@drover/shared/kube/redact";
import type { Inspect, Inspection } from "@drover/shared/link/link";
import type { Service } from "@drover/shared/service";

import { managerOf } from "../core/drift.ts";
import { payloadOf } from "../core/payload.ts";
import type { ApplicationRecord, ObjectRecord } from "../core/record.ts";
import { isOver } from "../core/run.ts";
import { buildTree, type LiveObject } from "../core/tree.ts";
import type { ServiceAccount } from "../kube/impersonation.ts";
import { getObject } from "../kube/objects.ts";
import type { Apis } from "./apis.ts";
import { readObject } from "./bundle.ts";
import { fetchChildren } from "./children.ts";
import { actingFor, type Context } from "./context.ts";
import { collectRbac } from "./rbac.ts";
import { untilWoken } from "./wait.ts";

/** Answers questions about live state. Values of secrets never leave: they are masked here. */
export interface Inspector extends Service {
  /** Never blocks; a question too many is answered with an error at once. */
  ask(inspect: Inspect, answer: (inspection: Inspection) => void): void;
}

/** Questions that wait. Each reads the whole live state of an application, so they run one after the other. */
const maxWaiting = 16;
const utf8 = new TextEncoder();

type Question = readonly [inspect: Inspect, answer: (inspection: Inspection) => void];

export interface InspectorOptions {
  readonly cluster: () => string;
  /** Whom the agent is to its API server. */
  readonly agent: ServiceAccount;
  readonly apis: Pick<Apis, "current">;
}

export function createInspector(context: Context, options: InspectorOptions): Inspector {
  const waiting: Question[] = [];
  let wake = (): void => undefined;
  return {
    name: "inspector",
    ask(inspect, answer) {
      if (waiting.length >= maxWaiting) {
        const error = { code: "timeout", message: "too many questions wait for an answer already" };
        return answer({ id: inspect.id, error });
      }
      waiting.push([inspect, answer]);
      wake();
    },
    async run(signal) {
      while (!signal.aborted) {
        const next = waiting.shift();
        if (next === undefined) {
          await untilWoken(context.clock, Number.POSITIVE_INFINITY, { signal, onWake: (call) => (wake = call) });
          continue;
        }
        const [inspect, answer] = next;
        try {
          const result = await examine(context, { ...options, inspect }, signal);
          answer({ id: inspect.id, result: utf8.encode(JSON.stringify(result)) });
        } catch (cause) {
          const { code, message } = DroverError.from(cause);
          answer({ id: inspect.id, error: { code, message } });
        }
      }
    },
  };
}

function examine(
  context: Context,
  { inspect, agent, ...options }: InspectorOptions & { readonly inspect: Inspect },
  signal: AbortSignal,
): Promise<DiffResult | RbacResult | TreeResult | readonly string[]> {
  if (inspect.what === "apis") return Promise.resolve(options.apis.current?.versions ?? []);
  const application = context.state.applications.get(inspect.application);
  const cluster = options.cluster();
  if (application === undefined) {
    throw new DroverError("not_found", `application ${inspect.application} is not on cluster ${cluster}`);
  }
  const subject = { application, cluster };
  const acting = actingFor(context, application);
  switch (inspect.what) {
    case "diff":
      return diff(acting, subject, signal);
    case "tree":
      return tree(acting, subject, signal);
    case "rbac":
      // Asked for when the account has no rights yet, or is not there: the agent's own show what is needed.
      return collectRbac(context, { ...subject, agent }, signal);
  }
}

interface Subject {
  readonly application: ApplicationRecord;
  readonly cluster: string;
}

async function diff(context: Context, { application, cluster }: Subject, signal: AbortSignal): Promise<DiffResult> {
  const records = [...application.objects.values()];
  const compared = await Promise.all(
    records.map((record) => context.limit(() => compareObject(context, { application, record }, signal))),
  );
  const objects = compared.filter((object) => object !== undefined);
  const desired = records.filter((record) => record.desired !== "");
  return {
    app: application.name,
    cluster,
    identical: desired.length - objects.filter((object) => object.state !== "extra").length,
    masked: desired.filter((record) => record.key.kind === "Secret" && record.key.group === "").length,
    objects,
  };
}

/** undefined when the object is as desired. */
async function compareObject(
  context: Context,
  { application, record }: { readonly application: ApplicationRecord; readonly record: ObjectRecord },
  signal: AbortSignal,
): Promise<DiffResult["objects"][number] | undefined> {
  const object = formatObjectKey(record.key);
  const live = await fetchLive(context, record, signal);
  if (record.desired === "") return live === undefined ? undefined : { object, state: "extra", changes: [] };
  if (live === undefined && record.run !== undefined && isOver(record.run)) return undefined;
  if (live === undefined) return { object, state: "missing", changes: [] };
  const target = { owner: context.ownerOf(application.name), namespace: record.key.namespace };
  const desired = payloadOf(await readObject(context, record.desired), target);
  const changes = diffObjects(desired, live).map((change) => {
    const by = managerOf(live, change.path);
    const texts = formatChange(record.key.kind, change, context.fingerprint);
    return { path: formatFieldPath(change.path), ...texts, ...(by === "" ? {} : { by }) };
  });
  return changes.length === 0 ? undefined : { object, state: "changed", changes };
}

/** undefined when it is not there. Throws when the server cannot tell. */
async function fetchLive(context: Context, record: ObjectRecord, signal: AbortSignal): Promise<JsonRecord | undefined> {
  const { key, version } = record;
  const resource = await context.discovery.findAnyVersion({ group: key.group, version, kind: key.kind }, signal);
  if (resource === undefined) return undefined;
  const live = await getObject(context.kube, { resource, at: key, metadataOnly: false }, signal);
  if (live.kind === "found") return live.object;
  if (live.kind === "gone") return undefined;
  const { status } = live.refusal;
  const code = status === 403 ? "forbidden" : "api_unreachable";
  throw new DroverError(code, `the API server answered ${status} to GET ${formatObjectKey(key)}`);
}

async function tree(context: Context, { application, cluster }: Subject, signal: AbortSignal): Promise<TreeResult> {
  const children = await fetchChildren(context.kube, namespacesOf(application), signal);
  const live = children.map(({ group, object }): LiveObject => {
    const owners = recordsAt(object, "metadata", "ownerReferences").map((owner) => textAt(owner, "uid") ?? "");
    const key = {
      group,
      kind: textAt(object, "kind") ?? "",
      namespace: textAt(object, "metadata", "namespace") ?? "",
      name: textAt(object, "metadata", "name") ?? "",
    };
    return { key, uid: textAt(object, "metadata", "uid") ?? "", owners, object };
  });
  const redact = (nodes: readonly TreeNode[]): TreeNode[] =>
    nodes.map((node) => {
      const message = redactText(node.message, context.fingerprint);
      return { ...node, message, children: redact(node.children) };
    });
  return { app: application.name, cluster, nodes: redact(buildTree([...application.objects.values()], live)) };
}

/** Only where something of the application may have made objects of its own. */
function namespacesOf(application: ApplicationRecord): readonly string[] {
  const parents = [...application.objects.values()].filter(({ key }) => key.group === "apps" || key.group === "batch");
  return [...new Set(parents.map(({ key }) => key.namespace))].filter((namespace) => namespace !== "");
}
