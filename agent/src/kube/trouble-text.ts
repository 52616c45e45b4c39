import type { RefusalCause } from "./api.ts";

/*
 * What may be taken out of Kubernetes' messages. They quote objects (a Job's quotes its whole template), so nothing of
 * them is shown but what these patterns let through: names of Kubernetes' own objects, field paths, and fixed texts.
 */

const name = String.raw`[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?`;
const webhookDenied = new RegExp(`^admission webhook "(?<name>${name})" denied the request`, "u");
const policyDenied = new RegExp(`ValidatingAdmissionPolicy '(?<name>${name})'(?: with binding '${name}')? denied`, "u");
const webhookFailed = new RegExp(`failed calling webhook "(?<name>${name})"`, "u");
const quotaExceeded = new RegExp(`exceeded quota: (?<name>${name}),`, "u");

/** The admission webhook or policy that refused; "" when none did. */
export function nameOfDenier(message: string): string {
  const webhook = webhookDenied.exec(message)?.groups?.["name"];
  if (webhook !== undefined) return `the admission webhook "${webhook}"`;
  const policy = policyDenied.exec(message)?.groups?.["name"];
  return policy === undefined ? "" : `the admission policy "${policy}"`;
}

/** The webhook that the server could not reach or that did not answer in time; "" when it is not about one. */
export function nameOfDeadWebhook(message: string): string {
  return webhookFailed.exec(message)?.groups?.["name"] ?? "";
}

export function nameOfQuota(message: string): string {
  return quotaExceeded.exec(message)?.groups?.["name"] ?? "";
}

/** Who owns which field, of an apply that was not to take any over. */
export function describeConflicts(causes: readonly RefusalCause[]): string {
  const owners = causes
    .filter((cause) => cause.reason === "FieldManagerConflict")
    .map(({ field, message }) => {
      const manager = /^conflict with "(?<manager>[\w./ -]{1,128})"/u.exec(message)?.groups?.["manager"] ?? "another";
      return `${describePath(field)} belongs to "${manager}"`;
    });
  return [...new Set(owners)].slice(0, 5).join("; ");
}

/** Items of a list without keys are named by their value, which is left out. */
function describePath(path: string): string {
  return path.replace(/^\./u, "").replaceAll(/\["(?:[^"\\]|\\.)*"\]/gu, "[*]");
}

export function describeCauses(causes: readonly RefusalCause[]): string {
  const texts = causes.map((cause) => {
    const detail = safeDetail(cause.message);
    return [cause.field, detail === "" ? cause.reason : detail].filter((part) => part !== "").join(": ");
  });
  return [...new Set(texts)].slice(0, 5).join("; ");
}

/**
 * The part of a validation message after the value: `Invalid value: "x": must be …`. What follows a value that is only
 * the name of a type was written by the author of a custom resource, who may quote anything; and a webhook may put
 * anything there, so it has to begin as the sentences of the API server's own validation do.
 */
function safeDetail(message: string): string {
  // The value before it may be anything, such as a Job's whole template; the text is always the same.
  if (message.endsWith(": field is immutable")) return "field is immutable";
  const detail = validation.exec(message)?.groups?.["detail"] ?? "";
  return /^[a-z][a-z0-9 ,.'()/-]{0,200}$/iu.test(detail) && sentence.test(detail) ? detail : "";
}

const sentence =
  /^(?:(?:must|may|should|can|cannot|can't|only|no|not|is|are|has|exceeds|duplicate|unknown|field|fields|updates|name|names|value|values|at (?:least|most)|an? (?:lowercase|valid|DNS|RFC|non)\S*|[\w.[\]-]+ in body) .+)$/iu;

const validation =
  /^(?:(?:Invalid|Duplicate|Unsupported) value: (?!"(?:object|array|string|integer|number|boolean)")(?:"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null)|Required value|Forbidden|Too long|Too many|Too few): (?<detail>.*)$/u;

/** `.spec.foo: field not declared in schema` without the values that the server may quote after it. */
export function describeSchemaFault(message: string): string {
  return [...message.matchAll(schemaFault)]
    .slice(0, 5)
    .map(({ groups }) => `${groups?.["path"]?.replace(/^\./u, "") ?? ""}: ${groups?.["fault"] ?? ""}`)
    .join("; ");
}

const schemaFault =
  /(?:^|\s)(?<path>\.[\w.[\]=/-]+): (?<fault>field not declared in schema|expected \w+|element \d+: [a-z ]+ key field "\w+")/gu;
