import type { Cause } from "../http/status.ts";
import { listAt, recordsAt, textAt, type JsonRecord } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { forbiddenField, invalidValue, notSupported, required } from "./causes.ts";

const effects = ["None", "NoneOnDryRun"];

/** Rules of both kinds of webhook configurations. */
export function checkWebhooks(object: KubeObject): Cause[] {
  return recordsAt(object, "webhooks").flatMap((webhook, i) => checkWebhook(webhook, `webhooks[${i}]`));
}

function checkWebhook(webhook: JsonRecord, field: string): Cause[] {
  const declared = textAt(webhook, "sideEffects");
  const side = `${field}.sideEffects`;
  return [
    ...(declared === undefined ? [required(side, `must specify one of ${effects.join(", ")}`)] : []),
    ...(declared === undefined || effects.includes(declared) ? [] : [notSupported(side, declared, effects)]),
    ...(listAt(webhook, "admissionReviewVersions").length === 0 ? [required(`${field}.admissionReviewVersions`)] : []),
    ...checkUrl(webhook, `${field}.clientConfig`),
  ];
}

function checkUrl(webhook: JsonRecord, field: string): Cause[] {
  const url = textAt(webhook, "clientConfig", "url");
  if (url === undefined) return [];
  const { protocol = "", hash = "", search = "" } = URL.parse(url) ?? {};
  if (protocol !== "https:") {
    const why = "'https' is the only allowed URL scheme; desired format: https://host[/path]";
    return [invalidValue(`${field}.url`, protocol.slice(0, -1), why)];
  }
  return hash === "" && search === ""
    ? []
    : [forbiddenField(`${field}.url`, "fragments and queries are not permitted")];
}
