import type { ServedKind } from "../resources/kinds.ts";
import type { ListMetadata } from "../resources/reply.ts";
import type { KubeObject } from "../schema/schema.ts";
import { ageOf } from "./age.ts";
import { builtinColumns } from "./builtin-columns.ts";
import type { Column } from "./columns.ts";
import { customColumns } from "./custom-columns.ts";

export type TableOptions = {
  /** What each row carries besides its cells. */
  readonly includeObject: "None" | "Metadata" | "Object";
  readonly nowMs: number;
};

const nameColumn: Column = { name: "Name", type: "string", priority: 0, cell: (object) => object.metadata.name ?? "" };
const ageColumn: Column = {
  name: "Age",
  type: "string",
  priority: 0,
  cell: (object, nowMs) => ageOf(object.metadata.creationTimestamp, nowMs),
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
    columnDefinitions: columns.map(({ name, type, priority }) => ({
      name,
      type,
      format: name === "Name" ? "name" : "",
      description: "",
      priority,
    })),
    rows: list.items.map((object) => ({
      cells: columns.map((column) => column.cell(object, nowMs)),
      ...(includeObject === "None" ? {} : { object: includeObject === "Object" ? object : metadataOf(object) }),
    })),
  };
}

function metadataOf(object: KubeObject): unknown {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

/** Name first; Age before the columns that only `-o wide` shows. */
function columnsOf(kind: ServedKind): readonly Column[] {
  if (kind.custom !== undefined) return [nameColumn, ...customColumns(kind.custom.columns, ageColumn)];
  const own = builtinColumns[kind.collection] ?? [];
  const shown = own.filter((column) => column.priority === 0);
  const extra = own.filter((column) => column.priority > 0);
  return [nameColumn, ...shown, ageColumn, ...extra];
}
