import { afterAll, beforeAll, expect, test } from "vitest";

import { startApi, type RunningApi } from "./start-api.ts";

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let api: RunningApi;
let document: Document;
beforeAll(async () => {
  api = await startApi();
  document = (await (await fetch(`${api.url}/openapi.json`)).json()) as Document;
});
afterAll(() => api[Symbol.asyncDispose]());

const operations = (): readonly (readonly [string, Operation])[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
  );

test("is OpenAPI 3.1 and names every route", () => {
  expect(document.openapi).toBe("3.1.0");
  expect(document.info).toMatchObject({ title: "Drover admin API", version: "0.1.0" });
  expect(operations().map(([name]) => name)).toEqual([
    "GET /api/v1/version",
    "GET /api/v1/clusters",
    "POST /api/v1/clusters",
    "GET /api/v1/clusters/{name}",
    "DELETE /api/v1/clusters/{name}",
    "PATCH /api/v1/clusters/{name}/labels",
    "PATCH /api/v1/clusters/{name}/cordon",
    "POST /api/v1/clusters/{name}/accept",
    "POST /api/v1/clusters/{name}/reject",
    "POST /api/v1/clusters/{name}/revoke",
    "POST /api/v1/clusters/{name}/rotate",
    "POST /api/v1/clusters/{name}/uninstall",
    "GET /api/v1/applications",
    "GET /api/v1/applications/{name}",
    "POST /api/v1/applications/{name}/sync",
    "POST /api/v1/applications/{name}/rollout",
    "POST /api/v1/applications/{name}/confirm-placement",
    "GET /api/v1/targets",
    "GET /api/v1/targets/{app}/{cluster}",
    "POST /api/v1/targets/{app}/{cluster}/sync",
    "POST /api/v1/targets/{app}/{cluster}/confirm-prune",
    "POST /api/v1/targets/{app}/{cluster}/signatures",
    "GET /api/v1/targets/{app}/{cluster}/why",
    "GET /api/v1/targets/{app}/{cluster}/blame",
    "GET /api/v1/targets/{app}/{cluster}/diff",
    "GET /api/v1/targets/{app}/{cluster}/tree",
    "GET /api/v1/targets/{app}/{cluster}/rbac",
    "GET /api/v1/sources",
    "POST /api/v1/sources",
    "GET /api/v1/sources/{name}",
    "DELETE /api/v1/sources/{name}",
    "POST /api/v1/sources/{name}/sync",
    "GET /api/v1/sources/{name}/identity",
    "PUT /api/v1/sources/{name}/host-keys",
    "PUT /api/v1/sources/{name}/signers",
    "PUT /api/v1/sources/{name}/webhook",
    "GET /api/v1/credentials",
    "POST /api/v1/credentials",
    "GET /api/v1/credentials/{name}",
    "PUT /api/v1/credentials/{name}",
    "DELETE /api/v1/credentials/{name}",
    "GET /api/v1/self",
    "GET /api/v1/self/can",
    "GET /api/v1/tokens",
    "POST /api/v1/tokens",
    "DELETE /api/v1/tokens/{name}",
    "GET /api/v1/audit",
    "GET /api/v1/audit/check",
    "GET /api/v1/sessions",
    "DELETE /api/v1/sessions/{id}",
    "GET /api/v1/backups",
    "POST /api/v1/backups",
    "GET /api/v1/recovery",
    "POST /api/v1/recovery",
    "GET /api/v1/events",
    "GET /api/v1/events/stream",
    "POST /webhooks/{source}",
    "GET /auth/login",
    "GET /auth/callback",
    "GET /auth/session",
    "POST /auth/logout",
    "POST /auth/device",
    "POST /auth/device/session",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
  ]);
});

/** Names of the operations that a claim does not hold for. */
const violations = (claim: (operation: Operation, name: string) => boolean): readonly string[] =>
  operations()
    .filter(([name, operation]) => !claim(operation, name))
    .map(([name]) => name);

test("tells operations apart and says what each does", () => {
  const ids = operations().map(([, { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(violations(({ summary }) => /\w/u.test(summary ?? ""))).toEqual([]);
});

test("asks for the token exactly below /api", () => {
  expect(violations(({ security }, name) => (security !== undefined) === name.includes("/api/"))).toEqual([]);
});

test("declares every parameter of every path", () => {
  const declared = ({ parameters = [] }: Operation): readonly string[] =>
    parameters.filter((each) => each.in === "path").map((each) => each.name);
  const inPath = (name: string): readonly string[] =>
    [...name.matchAll(/\{(?<name>\w+)\}/gu)].map((match) => match.groups?.["name"] ?? "");
  expect(violations((operation, name) => declared(operation).join(" ") === inPath(name).join(" "))).toEqual([]);
});

test("has for every operation a success, and the problem for everything else", () => {
  const types = ({ responses }: Operation): string => Object.keys(responses["default"]?.content ?? {}).join(" ");
  expect(violations(({ responses }) => Object.keys(responses).some((status) => /^[23]/u.test(status)))).toEqual([]);
  expect(violations((operation) => types(operation) === "application/problem+json")).toEqual([]);
});

test("refers only to schemas that are there, and to all of them", () => {
  const text = JSON.stringify(document);
  const referred = new Set([...text.matchAll(/"\$ref":"(?<ref>[^"]+)"/gu)].map((match) => match.groups?.["ref"]));
  const present = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  expect(referred).toEqual(new Set(present));
});
