import type { ClusterState } from "../cluster-state.ts";
import { listAt, numberAt, recordAt, recordsAt, textAt, type JsonRecord } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { labelSelectorOf } from "../storage/selectors.ts";
import type { Review } from "./review.ts";

export type Phase = "mutating" | "validating";

/** A webhook that wants to see a request. */
export type ConfiguredWebhook = {
  readonly name: string;
  /** Undefined for one behind a Service, which an embedded cluster cannot reach. */
  readonly url: string | undefined;
  readonly caPem: string;
  readonly timeoutSeconds: number;
  readonly ignoresFailure: boolean;
  readonly supportsDryRun: boolean;
};

const group = "admissionregistration.k8s.io";
const defaultTimeoutSeconds = 10;

const collectionOf = (phase: Phase): string => `${group}/${phase}webhookconfigurations`;

/** Whether there is anything to ask at all. */
export function hasWebhooks(state: ClusterState): boolean {
  return (["mutating", "validating"] as const).some((phase) => state.store.collection(collectionOf(phase)).size > 0);
}

/** Those who want to see it, by the names of their configurations and then in the order given there. */
export function webhooksFor(state: ClusterState, phase: Phase, review: Review): ConfiguredWebhook[] {
  // Configurations of webhooks are exempt, or a broken webhook could never be taken away.
  if (review.kind.info.group === group) return [];
  return state.store
    .collection(collectionOf(phase))
    .list()
    .flatMap((configuration) => recordsAt(configuration, "webhooks"))
    .filter((webhook) => recordsAt(webhook, "rules").some((rule) => ruleMatches(rule, review)))
    .filter((webhook) => namespaceMatches(state, recordAt(webhook, "namespaceSelector"), review))
    .filter((webhook) => objectMatches(recordAt(webhook, "objectSelector"), review))
    .map(readWebhook);
}

function readWebhook(webhook: JsonRecord): ConfiguredWebhook {
  const effects = textAt(webhook, "sideEffects");
  return {
    name: textAt(webhook, "name") ?? "",
    url: textAt(webhook, "clientConfig", "url"),
    caPem: Buffer.from(textAt(webhook, "clientConfig", "caBundle") ?? "", "base64").toString(),
    timeoutSeconds: numberAt(webhook, "timeoutSeconds") ?? defaultTimeoutSeconds,
    ignoresFailure: textAt(webhook, "failurePolicy") === "Ignore",
    supportsDryRun: effects === "None" || effects === "NoneOnDryRun",
  };
}

function ruleMatches(rule: JsonRecord, { kind, operation, subresource }: Review): boolean {
  const has = (field: string, ...wanted: string[]): boolean =>
    ["*", ...wanted].some((value) => listAt(rule, field).includes(value));
  const { group, version, plural, namespaced } = kind.info;
  const scope = textAt(rule, "scope") ?? "*";
  const resources = listAt(rule, "resources");
  const wanted =
    subresource === undefined
      ? ["*", "*/*", plural, `${plural}/*`]
      : ["*/*", `*/${subresource}`, `${plural}/*`, `${plural}/${subresource}`];
  return (
    has("operations", operation) &&
    has("apiGroups", group) &&
    has("apiVersions", version) &&
    wanted.some((resource) => resources.includes(resource)) &&
    (scope === "*" || (scope === "Namespaced") === namespaced)
  );
}

function namespaceMatches(state: ClusterState, selector: JsonRecord | undefined, review: Review): boolean {
  const selects = selectorOf(selector);
  if (review.kind.collection === "/namespaces") return selects(review.object ?? review.oldObject);
  // What is in no namespace is selected by every selector of namespaces.
  if (review.namespace === undefined) return true;
  return selects(state.store.collection("/namespaces").get(undefined, review.namespace));
}

function objectMatches(selector: JsonRecord | undefined, { object, oldObject }: Review): boolean {
  const selects = selectorOf(selector);
  return (object !== undefined && selects(object)) || (oldObject !== undefined && selects(oldObject));
}

function selectorOf(selector: JsonRecord | undefined): (object: KubeObject | undefined) => boolean {
  const selects = labelSelectorOf(selector ?? {});
  return (object) => selects(object?.metadata.labels ?? {});
}
