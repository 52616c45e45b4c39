import type { Cause } from "../http/status.ts";
import type { ServedKind } from "../resources/kinds.ts";
import type { KubeObject } from "../schema/schema.ts";
import { forbiddenField, invalidValue, required, tooLong } from "./causes.ts";

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/u;
const label1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/u;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/u;
const qualifiedName = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/u;
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/u;

const labelLimit = 63;
const subdomainLimit = 253;
const annotationsLimitBytes = 256 * 1024;

const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const label1035Rule =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const qualifiedRule =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const labelValueRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** Collections whose names are DNS labels, or only must fit into a path; all others are DNS subdomains. */
const labelNamed = new Set(["/namespaces"]);
const label1035Named = new Set(["/services"]);
const isPathNamed = (collection: string): boolean => collection.startsWith("rbac.authorization.k8s.io/");

export function checkMetadata(kind: ServedKind, object: KubeObject): Cause[] {
  const { labels = {}, annotations = {}, finalizers = [], ownerReferences = [] } = object.metadata;
  return [
    ...checkName(kind, object.metadata.name ?? ""),
    ...checkLabels(labels, "metadata.labels"),
    ...checkAnnotations(annotations),
    ...finalizers.flatMap((name, i) => checkQualified(name, `metadata.finalizers[${i}]`)),
    ...ownerReferences.flatMap((owner, i) => {
      const field = `metadata.ownerReferences[${i}]`;
      return [
        ...(owner.apiVersion
          ? []
          : [invalidValue(`${field}.apiVersion`, owner.apiVersion, "version must not be empty")]),
        ...(owner.kind ? [] : [invalidValue(`${field}.kind`, owner.kind, "must not be empty")]),
        ...(owner.name ? [] : [invalidValue(`${field}.name`, owner.name, "must not be empty")]),
        ...(owner.uid ? [] : [invalidValue(`${field}.uid`, owner.uid, "must not be empty")]),
      ];
    }),
  ];
}

/** Rules of an update that names alone do not show. */
export function checkMetadataUpdate(live: KubeObject, object: KubeObject): Cause[] {
  if (live.metadata.deletionTimestamp === undefined) return [];
  const known = new Set(live.metadata.finalizers);
  const added = (object.metadata.finalizers ?? []).filter((name) => !known.has(name));
  if (added.length === 0) return [];
  const why = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => `"${name}"`).join(", ")}}`;
  return [forbiddenField("metadata.finalizers", why)];
}

export function checkLabels(labels: Readonly<Record<string, string>>, field: string): Cause[] {
  return Object.entries(labels).flatMap(([key, value]) => {
    const causes = checkQualified(key, field);
    if (value.length > labelLimit)
      return [...causes, invalidValue(field, value, `must be no more than ${labelLimit} characters`)];
    return labelValue.test(value) ? causes : [...causes, invalidValue(field, value, labelValueRule)];
  });
}

export function checkLabelName(name: string, field: string): Cause[] {
  if (name === "") return [required(field)];
  if (name.length > labelLimit) return [invalidValue(field, name, `must be no more than ${labelLimit} characters`)];
  return label.test(name) ? [] : [invalidValue(field, name, labelRule)];
}

export function checkSubdomain(name: string, field: string): Cause[] {
  if (name.length > subdomainLimit)
    return [invalidValue(field, name, `must be no more than ${subdomainLimit} characters`)];
  return subdomain.test(name) ? [] : [invalidValue(field, name, subdomainRule)];
}

function checkName(kind: ServedKind, name: string): Cause[] {
  const field = "metadata.name";
  if (name === "") return [required(field, "name or generateName is required")];
  if (isPathNamed(kind.collection)) {
    if (name === "." || name === "..") return [invalidValue(field, name, `may not be '${name}'`)];
    const bad = ["/", "%"].find((character) => name.includes(character));
    return bad === undefined ? [] : [invalidValue(field, name, `may not contain '${bad}'`)];
  }
  if (labelNamed.has(kind.collection)) return checkLabelName(name, field);
  if (label1035Named.has(kind.collection)) {
    if (name.length > labelLimit) return [invalidValue(field, name, `must be no more than ${labelLimit} characters`)];
    return label1035.test(name) ? [] : [invalidValue(field, name, label1035Rule)];
  }
  return checkSubdomain(name, field);
}

function checkAnnotations(annotations: Readonly<Record<string, string>>): Cause[] {
  const field = "metadata.annotations";
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  const causes = Object.keys(annotations).flatMap((key) => checkQualified(key.toLowerCase(), field));
  return bytes > annotationsLimitBytes ? [...causes, tooLong(field, annotationsLimitBytes)] : causes;
}

function checkQualified(name: string, field: string): Cause[] {
  const slash = name.indexOf("/");
  const prefix = slash === -1 ? undefined : name.slice(0, slash);
  const part = slash === -1 ? name : name.slice(slash + 1);
  if (prefix !== undefined && !subdomain.test(prefix))
    return [invalidValue(field, name, `prefix part ${subdomainRule}`)];
  if (part === "") return [invalidValue(field, name, "name part must be non-empty")];
  if (part.length > labelLimit)
    return [invalidValue(field, name, `name part must be no more than ${labelLimit} characters`)];
  return qualifiedName.test(part) ? [] : [invalidValue(field, name, qualifiedRule)];
}
