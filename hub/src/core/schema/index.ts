import type { JsonRecord } from "@drover/shared/json";

import { apiVersion, group, kinds, readBody } from "../declarations.ts";
import { derive } from "./derive.ts";
import { descriptions } from "./descriptions.ts";
import { explore } from "./explore.ts";

const dialect = "https://json-schema.org/draft/2020-12/schema";

/** Kinds of documents that have a schema: all that are read. */
export const schemaKinds: readonly string[] = [...kinds.keys()];

/**
 * JSON Schema (draft 2020-12) of a kind of document. It is made by the reader of that kind itself, so that the two cannot
 * differ. It refuses nothing that the reader takes. What hangs on values (expressions that do not compile, paths that
 * lead nowhere) only the reader refuses. Undefined for a kind that there is not.
 */
export function schemaOf(kind: string): JsonRecord | undefined {
  const schema = bodyOf(kind);
  return schema === undefined ? undefined : { $schema: dialect, ...schema };
}

/** Of every document that a file may hold: those of all kinds, and what is not Drover's. */
export function schemaOfFiles(): JsonRecord {
  const bodies = schemaKinds.map((kind) => [kind, bodyOf(kind)] as const);
  const others = {
    title: "Not Drover's",
    not: {
      type: "object",
      properties: { apiVersion: { type: "string", pattern: `^${group}` } },
      required: ["apiVersion"],
    },
  };
  return {
    $schema: dialect,
    title: "Files of a repository that Drover reads",
    oneOf: [...schemaKinds.map((kind) => ({ $ref: `#/$defs/${kind}` })), others],
    $defs: Object.fromEntries(bodies),
  };
}

function bodyOf(kind: string): JsonRecord | undefined {
  const read = kinds.get(kind);
  if (read === undefined) return undefined;
  const readings = explore((fields) => void readBody(read, "", fields));
  const derived = derive(readings, (path) => descriptions[`${kind}.${path}`] ?? descriptions[path]);
  const required = Array.isArray(derived["required"]) ? derived["required"] : [];
  return {
    title: kind,
    ...(descriptions[kind] === undefined ? {} : { description: descriptions[kind] }),
    ...derived,
    properties: { apiVersion: { const: apiVersion }, kind: { const: kind }, ...(derived["properties"] as JsonRecord) },
    required: ["apiVersion", "kind", ...required],
  };
}
