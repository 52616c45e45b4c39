import { isRecord, recordAt } from "../json.ts";
import type { ServedKind } from "../resources/kinds.ts";

/** `com.example.v1.Widget` for `example.com/v1`. */
export function customDefinitionName({ info }: ServedKind): string {
  return `${info.group.split(".").toReversed().join(".")}.${info.version}.${info.kind}`;
}

const metaReference = { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" };

/** Definitions of the custom ones among the kinds, as the definition's author wrote them plus type and metadata. */
export function customDefinitions(kinds: readonly ServedKind[]): Record<string, unknown> {
  const custom = kinds.filter((kind) => kind.custom !== undefined);
  return Object.fromEntries(custom.map((kind) => [customDefinitionName(kind), definitionOf(kind)]));
}

function definitionOf(kind: ServedKind): unknown {
  const written = kind.custom?.openApiSchema;
  const schema = isRecord(written) ? written : {};
  const { group, version, kind: name } = kind.info;
  return {
    ...schema,
    type: "object",
    properties: {
      ...recordAt(schema, "properties"),
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: metaReference,
    },
    "x-kubernetes-group-version-kind": [{ group, version, kind: name }],
  };
}
