import { nearest } from "@drover/shared/nearest";
import type { FastifySchemaCompiler, FastifyTypeProvider } from "fastify";
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { TLocalizedValidationError } from "typebox/error";

import { InvalidRequest } from "./problem-reply.ts";

/** Gives handlers the types of their route's schemas. */
export interface TypeBoxProvider extends FastifyTypeProvider {
  readonly validator: this["schema"] extends TSchema ? Static<this["schema"]> : unknown;
  readonly serializer: this["schema"] extends TSchema ? Static<this["schema"]> : unknown;
}

/** Addresses are text, so numbers in them are converted; a body has to have the right types by itself. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema);
  const fromText = httpPart !== "body";
  return (input: unknown) => {
    const value = fromText ? validator.Convert(input) : input;
    if (validator.Check(value)) return { value };
    // A key that is not known is reported twice: as what it is, and as a value for the schema `false`.
    const errors = validator.Errors(value).filter((error) => error.keyword !== "boolean");
    return { error: new InvalidRequest(errors.flatMap((error) => describe(error, schema))) };
  };
};

/** What the pattern of names says, for people. */
const nameRule = "has to be lower-case letters, digits and dashes, at most 63, a letter or digit at both ends";

function describe(error: TLocalizedValidationError, schema: TSchema): { pointer: string; message: string }[] {
  if (error.keyword === "additionalProperties") {
    return error.params.additionalProperties.map((key) => {
      const meant = error.instancePath === "" ? nearest(key, propertiesOf(schema)) : undefined;
      const suggestion = meant === undefined ? "" : `, did you mean ${meant}?`;
      return { pointer: `${error.instancePath}/${key}`, message: `is not known${suggestion}` };
    });
  }
  if (error.keyword === "required") {
    return error.params.requiredProperties.map((key) => ({
      pointer: `${error.instancePath}/${key}`,
      message: "is missing",
    }));
  }
  const message = error.keyword === "pattern" && error.instancePath === "/name" ? nameRule : error.message;
  return [{ pointer: error.instancePath === "" ? "/" : error.instancePath, message }];
}

function propertiesOf(schema: TSchema): readonly string[] {
  const properties: unknown = "properties" in schema ? schema.properties : undefined;
  return typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
}
