import type { KubeObject } from "../schema/schema.ts";
import { ageOf } from "./age.ts";

/** One column of a custom resource's table, from `additionalPrinterColumns`. */
export type PrinterColumn = {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
  readonly jsonPath: string;
};

/** What a cell may hold. */
export type Cell = string | number | boolean | null;

/** One column of a table: what kubectl prints above it, and how a cell is made. */
export type Column = {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "date" | "number";
  /** 0 is always shown, 1 with `-o wide`. */
  readonly priority: number;
  readonly cell: (object: KubeObject, nowMs: number) => Cell;
};

export const text = (name: string, cell: Column["cell"]): Column => ({ name, type: "string", priority: 0, cell });
export const wide = (name: string, cell: Column["cell"]): Column => ({ name, type: "string", priority: 1, cell });
export const integer = (name: string, cell: Column["cell"]): Column => ({ name, type: "integer", priority: 0, cell });

export const nameColumn = text("Name", (object) => object.metadata.name ?? "");
export const ageColumn = text("Age", (object, nowMs) => ageOf(object.metadata.creationTimestamp, nowMs));
