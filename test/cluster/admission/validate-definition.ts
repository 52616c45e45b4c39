import type { Cause } from "../http/status.ts";
import { recordAt, recordsAt, textAt } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { invalidValue, notSupported, required } from "./causes.ts";

const scopes = ["Cluster", "Namespaced"];

export function checkDefinition(object: KubeObject): Cause[] {
  const spec = recordAt(object, "spec") ?? {};
  const plural = textAt(spec, "names", "plural") ?? "";
  const group = textAt(spec, "group") ?? "";
  const name = object.metadata.name ?? "";
  const versions = recordsAt(spec, "versions");
  const stored = versions.filter((version) => version["storage"] === true).length;
  const causes: Cause[] = [];
  if (group === "") causes.push(required("spec.group"));
  if (plural === "") causes.push(required("spec.names.plural"));
  if ((textAt(spec, "names", "kind") ?? "") === "") causes.push(required("spec.names.kind"));
  if (name !== `${plural}.${group}`)
    causes.push(invalidValue("metadata.name", name, 'must be spec.names.plural+"."+spec.group'));
  if (!scopes.includes(textAt(spec, "scope") ?? "")) causes.push(notSupported("spec.scope", spec["scope"], scopes));
  if (stored !== 1) {
    causes.push(
      invalidValue(
        "spec.versions",
        versions.map((each) => each["name"]),
        "must have exactly one version marked as storage version",
      ),
    );
  }
  for (const [i, version] of versions.entries()) {
    if (recordAt(version, "schema", "openAPIV3Schema") === undefined) {
      causes.push(required(`spec.versions[${i}].schema.openAPIV3Schema`, "schemas are required"));
    }
  }
  return causes;
}
