import { parse as parseYaml } from "yaml";

import { badRequest, unsupportedMediaType } from "../http/status.ts";
import { isRecord } from "../json.ts";
import { decodeProtobuf, protobufType } from "../protobuf/decode.ts";
import type { KubeObject } from "../schema/schema.ts";
import { typeErrors, unknownFields } from "../schema/validate.ts";
import { apiVersionOf, type ServedKind } from "./kinds.ts";
import type { ResourceRequest } from "./request.ts";

export type Body = { readonly bytes: Buffer; readonly contentType: string };

const objectTypes = ["application/json", "application/yaml", protobufType];

/** The body as any JSON value; YAML where the content type says so. Throws 400. */
export function parseBody(body: Body): unknown {
  const text = body.bytes.toString("utf8");
  try {
    if (body.contentType.startsWith(protobufType)) return decodeProtobuf(body.bytes);
    if (!/yaml/u.test(body.contentType)) return JSON.parse(text) as unknown;
    // JSON is YAML too, and its own parser is far faster.
    if (text.trimStart().startsWith("{")) return parseJsonOrYaml(text);
    return parseYaml(text) as unknown;
  } catch (cause) {
    throw badRequest(`error decoding request body: ${cause instanceof Error ? cause.message : "unreadable"}`);
  }
}

function parseJsonOrYaml(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return parseYaml(text) as unknown;
  }
}

export function checkObjectType(body: Body): void {
  const type = body.contentType.split(";")[0]?.trim() ?? "";
  if (type !== "" && !objectTypes.includes(type)) throw unsupportedMediaType(objectTypes);
}

/** An object of the request's kind, with namespace taken from the path. Throws 400 where they disagree. */
export function asObject(value: unknown, request: ResourceRequest): KubeObject {
  const { kind } = request;
  const apiVersion = apiVersionOf(kind.info);
  if (!isRecord(value))
    throw badRequest(`${kind.info.kind} in version "${apiVersion}" cannot be handled: expected an object`);
  const given = { apiVersion: value["apiVersion"] ?? apiVersion, kind: value["kind"] ?? kind.info.kind };
  if (given.apiVersion !== apiVersion) {
    throw badRequest(
      `the API version in the data (${shown(given.apiVersion)}) does not match the expected API version (${apiVersion})`,
    );
  }
  if (given.kind !== kind.info.kind) {
    throw badRequest(`${shown(given.kind)} in version "${apiVersion}" cannot be handled as a ${kind.info.kind}`);
  }
  const metadata = isRecord(value["metadata"]) ? { ...value["metadata"] } : {};
  const object: KubeObject = { ...value, apiVersion, kind: kind.info.kind, metadata };
  placeInNamespace(object, request);
  return object;
}

function placeInNamespace(object: KubeObject, request: ResourceRequest): void {
  const { namespace } = object.metadata;
  if (!request.kind.info.namespaced) {
    Reflect.deleteProperty(object.metadata, "namespace");
    return;
  }
  if (namespace !== undefined && namespace !== "" && namespace !== request.namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (request.namespace !== undefined) object.metadata.namespace = request.namespace;
}

export function checkName(object: KubeObject, request: ResourceRequest): void {
  const name = object.metadata.name ?? "";
  if (name === "") object.metadata.name = request.name ?? "";
  else if (name !== request.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${request.name ?? ""})`);
  }
}

/**
 * Field validation of a whole object: wrong types are refused, unknown fields refused (Strict), reported as warnings
 * (Warn, the default) or ignored. Returns the warnings.
 */
export function validateFields(object: KubeObject, request: ResourceRequest): string[] {
  const { kind } = request;
  const schema = kind.schema();
  const prefix = `${kind.info.kind} in version "${kind.info.version}" cannot be handled as a ${kind.info.kind}`;
  const [wrong] = kind.custom === undefined ? typeErrors(object, schema) : [];
  if (wrong !== undefined) throw badRequest(`${prefix}: json: ${wrong.field}: ${wrong.message}`);
  const unknown = unknownFieldsOf(object, kind);
  if (unknown.length === 0) return [];
  const warnings = unknown.map((field) => `unknown field "${field}"`);
  switch (fieldValidation(request)) {
    case "Strict":
      throw badRequest(`${prefix}: strict decoding error: ${warnings.join(", ")}`);
    case "Warn":
      return warnings;
    default:
      return [];
  }
}

export function unknownFieldsOf(object: KubeObject, kind: ServedKind): string[] {
  return kind.custom?.preserveUnknownFields === true ? [] : unknownFields(object, kind.schema());
}

export function fieldValidation(request: ResourceRequest): "Strict" | "Warn" | "Ignore" {
  const value = request.query.get("fieldValidation") ?? "";
  if (value === "" || value === "Warn") return "Warn";
  if (value === "Strict" || value === "Ignore") return value;
  throw badRequest(`fieldValidation: Unsupported value: "${value}": supported values: "Ignore", "Strict", "Warn"`);
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
