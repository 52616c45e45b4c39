import { expect, test } from "vitest";

import { findTemplateFunctions, outerReferences } from "./template-functions.ts";

test.each([
  ["{{ randAlphaNum 5 }}", true],
  ["{{- $ca := genCA `ca` 365 -}}", true],
  ["{{ genSelfSignedCert `a` nil nil 1 }}", true],
  ["a\n{{\n  now | date `2006`\n}}", true],
  ["{{ uuidv4 }}", true],
  ['{{ htpasswd "a" "b" }}', true],
  ["{{ keys .Values.map | first }}", true],
  ["{{ (lookup `v1` `Secret` `a` `b`).data }}", true],
  ["{{ now", true],
  ["now is the time: randAlphaNum {{ .Values.know }} {{ .Values.x }}", false],
  ["{{/* now */}}{{- /* lookup */ -}}", false],
  ["{{ include `a` . | nindent 4 }}", false],
  ["no template", false],
])("whether chance has a part in %s", (text, chance) => {
  expect(findTemplateFunctions(text).chance).toBe(chance);
});

test("names the lines that ask the cluster", () => {
  const text =
    'a\n{{ fail "lookup failed" }}\n{{/* lookup "v1" */}}\n{{ if true }}\n{{ $s := lookup "v1" "Secret" "a" "b" }}';
  expect(findTemplateFunctions(text).lookups).toEqual([5]);
});

test("reads what would take a backtracking search for ever", () => {
  const text = "{{".repeat(500_000) + "lookup".repeat(100_000);
  expect(findTemplateFunctions(text)).toEqual({ chance: false, lookups: [] });
});

test.each([
  ['{"$ref": "#/definitions/a", "$schema": "http://json-schema.org/draft-07/schema#"}', []],
  ['{"$schema": "https://json-schema.org/draft/2020-12/schema"}', []],
  [
    '{"a": [{"$ref": "http://127.0.0.1:1/x"}], "$schema": "file:///etc/passwd"}',
    ["http://127.0.0.1:1/x", "file:///etc/passwd"],
  ],
  ['{"$dynamicRef": "other.json"}', ["other.json"]],
  ['{"properties": {"$ref": {"type": "string"}}}', []],
  ["no JSON", []],
])("what the schema %s refers to", (schema, expected) => {
  expect(outerReferences(schema)).toEqual(expected);
});
