import { isRecord } from "../json.ts";
import { ageOf } from "./age.ts";
import type { Cell, Column, PrinterColumn } from "./columns.ts";

/** Columns of a custom kind; without any of its own it shows its age. */
export function customColumns(columns: readonly PrinterColumn[], age: Column): Column[] {
  return columns.length === 0 ? [age] : columns.map(customColumn);
}

function customColumn(column: PrinterColumn): Column {
  const path = column.jsonPath;
  return {
    name: column.name,
    type: columnTypes.find((type) => type === column.type) ?? "string",
    priority: column.priority,
    cell: (object, nowMs) => {
      const values = jsonPath(object, path);
      if (column.type === "date") return typeof values[0] === "string" ? ageOf(values[0], nowMs) : "<unknown>";
      return values.length > 1 ? values.map(asText).join(",") : asCell(values[0]);
    },
  };
}

const columnTypes = ["string", "integer", "boolean", "date", "number"] as const;

function asCell(value: unknown): Cell {
  if (value === undefined || value === null) return null;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? value
    : JSON.stringify(value);
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The part of JSONPath that printer columns use: `.a.b`, `['a.b']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`. */
export function jsonPath(root: unknown, path: string): unknown[] {
  const steps = path.matchAll(
    /\.([A-Za-z0-9_-]+)|\[['"]([^'"]+)['"]\]|\[(\d+|\*)\]|\[\?\(@\.([\w.-]+)\s*==\s*['"]([^'"]*)['"]\)\]/gu,
  );
  let values: unknown[] = [root];
  for (const [, key, quoted, index, filterKey, wanted] of steps) {
    values = values.flatMap((value) => {
      if (filterKey !== undefined) return items(value).filter((item) => jsonPath(item, `.${filterKey}`)[0] === wanted);
      if (index === "*") return items(value);
      const found: unknown = index === undefined ? field(value, key ?? quoted ?? "") : items(value)[Number(index)];
      return found === undefined ? [] : [found];
    });
  }
  return values;
}

function items(value: unknown): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  return isRecord(value) ? Object.values(value) : [];
}

function field(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}
