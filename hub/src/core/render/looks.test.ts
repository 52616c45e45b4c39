import { expect, test } from "vitest";

import { findLooks, findQuestions } from "./looks.ts";

test.each<[string, string]>([
  ["{{ .Capabilities.KubeVersion.GitVersion }}", "version"],
  ['{{ if $.Capabilities.APIVersions.Has "policy/v1" }}', "apis"],
  [
    '{{ semverCompare ">1.2" (default .Capabilities.KubeVersion.Version .Values.v) }}{{ .Capabilities.APIVersions }}',
    "version apis",
  ],
  ["{{ $c := .Capabilities }}{{ $c.KubeVersion }}", "version apis"],
  ['{{ include "x" (dict "c" .Capabilities) }}', "version apis"],
  ['{{ (index . "Capabilities").KubeVersion }}', "version apis"],
  ["expression: .Capabilities.KubeVersion", "version"],
  ["{{ .Capabilities.HelmVersion.Version }}", ""],
  ["{{ .Values.securityContext.capabilities }} Capabilities to add", ""],
  ["{{ .CapabilitiesOfMine }}", ""],
])("what of its cluster %s looks at", (text, expected) => {
  const { version, apis } = findLooks(text);
  expect([version ? "version" : "", apis ? "apis" : ""].filter((part) => part !== "").join(" ")).toBe(expected);
});

test("names the APIs that are asked for, and the lines", () => {
  const text =
    'a\n{{ if .Capabilities.APIVersions.Has "policy/v1" }}\n\n{{ or ($.Capabilities.APIVersions.Has `a/v1/B`) (not ($c.APIVersions.Has "c/v1")) }}\n{{ .Capabilities.APIVersions.Has .Values.x }}';
  expect(findQuestions(text)).toEqual([
    { api: "policy/v1", line: 2 },
    { api: "a/v1/B", line: 4 },
    { api: "c/v1", line: 4 },
  ]);
});
