import type { PrinterColumn } from "../table/columns.ts";

/** What a CustomResourceDefinition adds to a served kind. */
export type CustomKind = {
  /** Name of the definition: `widgets.example.com`. */
  readonly definition: string;
  readonly preserveUnknownFields: boolean;
  /** The version's `openAPIV3Schema` as the definition has it, for OpenAPI documents. */
  readonly openApiSchema: unknown;
  readonly columns: readonly PrinterColumn[];
  readonly scale: ScalePaths | undefined;
  /** JSON paths that field selectors may use besides the metadata, without the leading dot. */
  readonly selectableFields: readonly string[];
};

export type ScalePaths = {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  readonly labelSelector: readonly string[] | undefined;
};
