import type { Representation } from "../http/negotiate.ts";
import { without } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { tableOf, type TableOptions } from "../table/table.ts";
import { convert } from "./convert.ts";
import { apiVersionOf, type ServedKind } from "./kinds.ts";
import { listKindOf } from "./list.ts";
import type { ListMetadata } from "./reply.ts";

export type View = { readonly as: Representation; readonly kind: ServedKind; readonly table: TableOptions };

/** One object as the client wants to see it. */
export function representObject(view: View, stored: KubeObject): unknown {
  const object = convert(stored, view.kind);
  if (view.as === "metadata") return partialOf(object);
  if (view.as === "table") {
    const metadata = { resourceVersion: object.metadata.resourceVersion ?? "" };
    return tableOf(view.kind, { items: [object], metadata, options: view.table });
  }
  return object;
}

export function representList(view: View, items: readonly KubeObject[], metadata: ListMetadata): unknown {
  const { kind } = view;
  if (view.as === "table") return tableOf(kind, { items, metadata, options: view.table });
  if (view.as === "metadata") {
    return { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata, items: items.map(partialOf) };
  }
  // Items of builtin kinds carry no type of their own: the list's kind says it.
  const shown = kind.custom === undefined ? items.map((item) => without(item, "apiVersion", "kind")) : items;
  return { kind: listKindOf(kind), apiVersion: apiVersionOf(kind.info), metadata, items: shown };
}

function partialOf(object: KubeObject): unknown {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}
