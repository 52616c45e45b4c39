import { formatProblem } from "@drover/shared/problems";
import { expect, test } from "vitest";

import { readDeclarations } from "./declarations.ts";

const read = (spec: string) =>
  readDeclarations(
    "config",
    "a.yaml",
    new TextEncoder().encode(`apiVersion: drover.dev/v1alpha1\nkind: Repository\nmetadata: { name: apps }\n${spec}`),
  );

test("reads a repository with its defaults", () => {
  expect(read("spec: { url: git@git.example.org:apps.git }").declarations).toEqual([
    {
      kind: "Repository",
      name: "apps",
      repository: "config",
      url: "git@git.example.org:apps.git",
      ref: "",
      version: "",
      path: "",
      intervalSeconds: 60,
      credential: "",
      hostKeys: [],
      signedBy: [],
      declares: false,
      at: { file: "a.yaml", line: 1, column: 1 },
    },
  ]);
});

test.each([
  "https://git.example.org/a.git",
  "http://10.0.0.1:3000/a",
  "ssh://git@git.example.org:22/a.git",
  "https://user@git.example.org/a.git",
  "git.example.org:a.git",
])("takes the address %s", (url) => {
  expect(read(`spec: { url: "${url}" }`).problems).toEqual([]);
});

test.each([
  ["{}", "url is missing"],
  ["{ url: /srv/apps }", "has to be an address over https"],
  ["{ url: ./apps }", "has to be an address over https"],
  ["{ url: 'C:\\apps' }", "has to be an address over https"],
  ["{ url: 'file:///etc' }", "has to be an address over https"],
  ["{ url: 'https:///etc' }", "has to be an address over https"],
  ["{ url: 'ext::sh -c id' }", "has to be an address over https"],
  ["{ url: 'https://a:s3cret@h/x' }", "holds a password"],
  ["{ url: 'https://h/x', ref: main, version: 1.x }", "is one too many"],
  ["{ url: 'https://h/x', version: '>>1' }", "is no range of versions"],
  ["{ url: 'https://h/x', path: ../x }", "leads out of the repository"],
  ["{ url: 'https://h/x', interval: 10ms }", "has to be"],
  ["{ url: 'https://h/x', signedBy: [bob] }", "has to be public keys"],
  ["{ url: 'https://h/x', signedBy: ['-----BEGIN OPENSSH PRIVATE KEY----- s3cret'] }", "has to be public keys"],
  ["{ url: 'https://h/x', credential: 'My key' }", "has to be up to 63"],
  ["{ url: 'git@h:x', credential: team }", "is for addresses over http(s)"],
])("refuses %s, and quotes no password", (spec, expected) => {
  const { declarations, problems } = read(`spec: ${spec}`);
  expect(declarations).toEqual([]);
  expect(problems.map(formatProblem).join("\n")).toContain(expected);
  expect(JSON.stringify(problems)).not.toContain("s3cret");
});
