import type { ClusterState } from "../cluster-state.ts";
import { listAt, numberAt, recordAt, recordsAt, textAt, type JsonRecord } from "../json.ts";
import type { ServedKind } from "../resources/kinds.ts";
import { schemaFromCrd, type KubeObject, type TypeSchema } from "../schema/schema.ts";
import type { PrinterColumn } from "../table/columns.ts";
import type { CustomKind, ScalePaths } from "./custom-kind.ts";

export const definitionsCollection = "apiextensions.k8s.io/customresourcedefinitions";

export function isEstablished(definition: KubeObject): boolean {
  const established = recordsAt(definition, "status", "conditions").find((each) => each["type"] === "Established");
  return textAt(established, "status") === "True";
}

/** The collection of a definition's objects. */
export function instancesOf(definition: KubeObject): string {
  return `${textAt(definition, "spec", "group") ?? ""}/${textAt(definition, "spec", "names", "plural") ?? ""}`;
}

/** Serves what the stored definitions say; called at the start of a cluster and whenever a definition changes. */
export function serveDefinition(state: ClusterState, name: string): void {
  const definition = state.store.collection(definitionsCollection).get(undefined, name);
  const [former] = state.kinds.customOf(name);
  const served = definition !== undefined && isEstablished(definition);
  if (!served && former === undefined) return;
  state.kinds.setCustom(name, served ? kindsOf(definition) : undefined);
  // Watchers hold the former schema and columns; they come back to the new ones.
  if (former !== undefined && !served) state.store.collection(former.collection).endWatches();
}

function kindsOf(definition: KubeObject): ServedKind[] {
  const spec = recordAt(definition, "spec") ?? {};
  const versions = recordsAt(spec, "versions");
  const storage =
    textAt(
      versions.find((version) => version["storage"] === true),
      "name",
    ) ?? "";
  return versions
    .filter((version) => version["served"] === true)
    .map((version) => {
      const preserveUnknownFields = spec["preserveUnknownFields"] === true;
      const openApiSchema = recordAt(version, "schema", "openAPIV3Schema");
      let schema: TypeSchema | undefined;
      return {
        info: infoOf(spec, version),
        collection: instancesOf(definition),
        storageVersion: storage,
        schema: () => (schema ??= schemaFromCrd(openApiSchema, preserveUnknownFields)),
        custom: customOf({ definition, version, openApiSchema, preserveUnknownFields }),
      };
    });
}

function infoOf(spec: JsonRecord, version: JsonRecord): ServedKind["info"] {
  const names = recordAt(spec, "names") ?? {};
  const kind = textAt(names, "kind") ?? "";
  const has = (subresource: string): boolean => recordAt(version, "subresources", subresource) !== undefined;
  return {
    group: textAt(spec, "group") ?? "",
    version: textAt(version, "name") ?? "",
    kind,
    plural: textAt(names, "plural") ?? "",
    singular: textAt(names, "singular") ?? kind.toLowerCase(),
    namespaced: textAt(spec, "scope") === "Namespaced",
    shortNames: texts(names, "shortNames"),
    categories: texts(names, "categories"),
    subresources: (["status", "scale"] as const).filter(has),
  };
}

function customOf(part: {
  definition: KubeObject;
  version: JsonRecord;
  openApiSchema: JsonRecord | undefined;
  preserveUnknownFields: boolean;
}): CustomKind {
  const { definition, version } = part;
  return {
    definition: definition.metadata.name ?? "",
    preserveUnknownFields: part.preserveUnknownFields,
    openApiSchema: part.openApiSchema,
    columns: recordsAt(version, "additionalPrinterColumns").map(columnOf),
    scale: scaleOf(recordAt(version, "subresources", "scale")),
    selectableFields: recordsAt(version, "selectableFields").flatMap(
      (each) => textAt(each, "jsonPath")?.replace(/^\./u, "") ?? [],
    ),
  };
}

function columnOf(column: JsonRecord): PrinterColumn {
  return {
    name: textAt(column, "name") ?? "",
    type: textAt(column, "type") ?? "string",
    format: textAt(column, "format") ?? "",
    description: textAt(column, "description") ?? "",
    priority: numberAt(column, "priority") ?? 0,
    jsonPath: textAt(column, "jsonPath") ?? "",
  };
}

function scaleOf(scale: JsonRecord | undefined): ScalePaths | undefined {
  if (scale === undefined) return undefined;
  const path = (name: string): string[] => (textAt(scale, name) ?? "").split(".").filter((part) => part !== "");
  const selector = path("labelSelectorPath");
  return {
    specReplicas: path("specReplicasPath"),
    statusReplicas: path("statusReplicasPath"),
    labelSelector: selector.length === 0 ? undefined : selector,
  };
}

function texts(value: unknown, key: string): string[] {
  return listAt(value, key).filter((each) => typeof each === "string");
}
