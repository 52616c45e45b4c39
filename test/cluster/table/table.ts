import type { ServedKind } from "../resources/kinds.ts";
import type { ListMetadata } from "../resources/reply.ts";
import type { KubeObject } from "../schema/schema.ts";
import { builtinColumns, unusualColumns } from "./builtin-columns.ts";
import { ageColumn, nameColumn, type Column } from "./columns.ts";
import { customColumns } from "./custom-columns.ts";

export type TableOptions = {
  /** What each row carries besides its cells. */
  readonly includeObject: "None" | "Metadata" | "Object";
  readonly nowMs: number;
  /** False for all but the first event of a watch. */
  readonly columns: boolean;
};

/** A `meta.k8s.io/v1` Table: what `kubectl get` prints. */
export function tableOf(
  kind: ServedKind,
  list: { readonly items: readonly KubeObject[]; readonly metadata: ListMetadata; readonly options: TableOptions },
): unknown {
  const columns = columnsOf(kind);
  const { nowMs, includeObject } = list.options;
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: list.metadata,
    columnDefinitions: list.options.columns ? columns.map(definitionOf) : null,
    rows: list.items.map((object) => ({
      cells: columns.map((column) => column.cell(object, nowMs)),
      object: rowObject(object, includeObject),
    })),
  };
}

function rowObject(object: KubeObject, include: TableOptions["includeObject"]): unknown {
  if (include === "None") return null;
  return include === "Object" ? object : metadataOf(object);
}

function metadataOf(object: KubeObject): unknown {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

function definitionOf({ name, type, priority }: Column): unknown {
  return { name, type, format: name === "Name" ? "name" : "", description: "", priority };
}

/** Name first, and Age before the columns that only `-o wide` shows, unless a kind says otherwise. */
function columnsOf(kind: ServedKind): readonly Column[] {
  if (kind.custom !== undefined) return [nameColumn, ...customColumns(kind.custom.columns, ageColumn)];
  const whole = unusualColumns[kind.collection];
  if (whole !== undefined) return whole;
  const own = builtinColumns[kind.collection] ?? [];
  const shown = own.filter((column) => column.priority === 0);
  const extra = own.filter((column) => column.priority > 0);
  return [nameColumn, ...shown, ageColumn, ...extra];
}
