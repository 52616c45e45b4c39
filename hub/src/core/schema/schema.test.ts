import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { decodeYaml } from "@drover/shared/decode";
import { isRecord, type JsonRecord } from "@drover/shared/json";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";

import { isDeclaration, readDeclarations } from "../declarations.ts";
import { descriptions } from "./descriptions.ts";
import { schemaKinds, schemaOf, schemaOfFiles } from "./index.ts";

const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
const validateFile = ajv.compile(schemaOfFiles());
const validators = new Map(schemaKinds.map((kind) => [kind, ajv.compile(schemaOf(kind) ?? {})]));

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
/** What the reader says is wrong; empty when it takes the document. */
const readerSays = (value: unknown): readonly string[] =>
  readDeclarations("config", "a/b/c/drover.yaml", encode(value)).problems.map(({ message }) => message);
const schemaTakes = (value: unknown): boolean => {
  const validate = isRecord(value) ? validators.get(String(value["kind"])) : undefined;
  const takes = validateFile(value);
  if (validate !== undefined && isDeclaration(value)) expect([validate(value), value]).toEqual([takes, value]);
  return takes;
};

const root = new URL("../../../../", import.meta.url).pathname;
const yamlOf = (page: string): string =>
  [...page.matchAll(/```yaml\n(?<text>.*?)```/gsu)].map((match) => match.groups?.["text"] ?? "").join("---\n");
const demo = join(root, "deploy/local/demo");
const texts = [
  ...["hub/LANGUAGE.md", "hub/README.md", "README.md"].map((file) => yamlOf(readFileSync(join(root, file), "utf8"))),
  ...readdirSync(demo, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => readFileSync(join(demo, file), "utf8")),
  // Parts of the language that the pages leave out.
  `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: more, annotations: { note: any } }
spec:
  source: { repository: charts, path: web, exclude: [tests] }
  sync:
    serviceAccount: deployer
    recreate: true
    ignore: [{ group: apps, kind: Deployment, namespace: a, name: b, paths: [spec.replicas], managers: [keda] }]
  health: [{ group: example.org, kind: Widget, current: object.status.ready, message: "'ready'" }]
---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: more }
spec:
  applicationSelector: { matchExpressions: [{ key: team, operator: Exists }] }
  expression: has(cluster.labels.a)
  overrides:
    - expression: "true"
      vars: { a: 1, b: true }
      patches:
        - strategic: { kind: Deployment, metadata: { name: web }, spec: { replicas: 0 } }
        - target: {}
          json:
            - { op: move, from: /a, path: /b }
            - { op: copy, from: /a, path: /b }
            - { op: remove, path: /a }
            - { op: add, path: "", value: null }
            - { op: test, path: /a, value: false }
---
apiVersion: drover.dev/v1alpha1
kind: Cluster
metadata: { name: bare }
`,
];
const documents = texts
  .flatMap((text) => decodeYaml("a.yaml", new TextEncoder().encode(text)).documents)
  .map(({ value }) => value);
const declarations = documents.filter((value) => isDeclaration(value));

/** The value with one thing changed, for every place in it. */
function* mutations(value: unknown): Generator<unknown, void> {
  yield* ["text", 7, true, null, [], {}, ["text"], [{}], { any: "thing" }];
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    for (const [index, item] of items.entries()) for (const next of mutations(item)) yield items.with(index, next);
    return;
  }
  if (!isRecord(value)) return;
  yield { ...value, nobodyAsksForThis: 1 };
  for (const [key, inner] of Object.entries(value)) {
    yield Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
    for (const next of mutations(inner)) yield { ...value, [key]: next };
  }
}

test("documents of every kind are taken by the reader and by the schema", () => {
  expect(documents.length).toBeGreaterThan(10);
  expect(new Set(declarations.map((value) => (isRecord(value) ? value["kind"] : "")))).toEqual(new Set(schemaKinds));
  for (const value of documents) expect([readerSays(value), schemaTakes(value), value]).toEqual([[], true, value]);
});

test("the schema refuses nothing that the reader takes, whatever is changed in a document", () => {
  let [taken, refused] = [0, 0];
  for (const value of declarations) {
    for (const changed of mutations(value)) {
      if (readerSays(changed).length > 0) refused += schemaTakes(changed) ? 0 : 1;
      else {
        taken += 1;
        expect([schemaTakes(changed), changed]).toEqual([true, changed]);
      }
    }
  }
  expect(taken).toBeGreaterThan(300);
  expect(refused).toBeGreaterThan(1000);
}, 60_000);

test("every unknown key that the reader refuses, the schema refuses too", () => {
  let unknown = 0;
  for (const value of declarations) {
    for (const changed of mutations(value)) {
      if (!JSON.stringify(changed).includes("nobodyAsksForThis") || readerSays(changed).length === 0) continue;
      unknown += 1;
      expect([schemaTakes(changed), changed]).toEqual([false, changed]);
    }
  }
  expect(unknown).toBeGreaterThan(50);
});

const base = { apiVersion: "drover.dev/v1alpha1", metadata: { name: "a" } };
const application = (spec: JsonRecord): JsonRecord => ({
  ...base,
  kind: "Application",
  spec: { source: { path: "a" }, ...spec },
});
const placement = (spec: JsonRecord): JsonRecord => ({
  ...base,
  kind: "Placement",
  spec: { applications: ["a"], selector: {}, ...spec },
});
const override = (part: JsonRecord): JsonRecord => placement({ overrides: [{ selector: {}, ...part }] });

test.each<[string, unknown]>([
  ["a kind that there is not", { ...base, kind: "Aplication", spec: {} }],
  ["a version that there is not", { ...application({}), apiVersion: "drover.dev/v2" }],
  ["no metadata", { ...application({}), metadata: undefined }],
  ["no name", { ...application({}), metadata: {} }],
  ["a name with capitals", { ...application({}), metadata: { name: "Shop" } }],
  ["a label's value with a space", { ...application({}), metadata: { name: "a", labels: { a: "b c" } } }],
  ["no spec", { ...base, kind: "Application" }],
  ["no source", { ...base, kind: "Application", spec: {} }],
  ["no path", application({ source: {} })],
  ["a number for a text", application({ source: { path: 7 } })],
  ["a renderer that there is not", application({ renderer: "jsonnet" })],
  ["a text for a flag", application({ sync: { prune: "yes" } })],
  ["no duration", application({ sync: { gateTimeout: "soon" } })],
  ["a rule without paths", application({ sync: { ignore: [{ kind: "A" }] } })],
  ["a list for a map", application({ sync: [] })],
  ["a value file that is no text", application({ helm: { valueFiles: [1] } })],
  ["values that are no map", application({ helm: { values: "a: 1" } })],
  ["a placement of nothing", { ...base, kind: "Placement", spec: { selector: {} } }],
  ["a placement nowhere", { ...base, kind: "Placement", spec: { applications: ["a"] } }],
  ["a placement that only excludes", { ...base, kind: "Placement", spec: { applications: ["a"], exclude: ["b"] } }],
  ["an empty selector", placement({ selector: null })],
  ["a negative limit", placement({ limit: -1 })],
  ["half a cluster", placement({ limit: 1.5 })],
  ["a spread without a limit", placement({ spread: "region" })],
  ["an operator that there is not", placement({ selector: { matchExpressions: [{ key: "a", operator: "Is" }] } })],
  ["an override that changes nothing", override({})],
  ["a patch of no form", override({ patches: [{ target: {} }] })],
  ["a JSON patch without a target", override({ patches: [{ json: [] }] })],
  ["an operation without a path", override({ patches: [{ target: {}, json: [{ op: "remove" }] }] })],
  ["a pointer without a slash", override({ patches: [{ target: {}, json: [{ op: "remove", path: "spec" }] }] })],
  ["an image without a change", override({ images: [{ name: "a" }] })],
  ["a count that is no number", override({ replicas: [{ name: "a", count: "three" }] })],
  ["a label that is a number", override({ labels: { a: 1 } })],
  ["helm without values", override({ helm: {} })],
  ["a variable that is a list", { ...base, kind: "Cluster", spec: { vars: { a: [] } } }],
])("%s is refused by the reader and by the schema", (_what, written) => {
  const value: unknown = JSON.parse(JSON.stringify(written));
  expect(readerSays(value)).not.toEqual([]);
  expect(schemaTakes(value)).toBe(false);
});

test("descriptions are of kinds and fields that there are", () => {
  const text = JSON.stringify(schemaOfFiles());
  for (const [path, words] of Object.entries(descriptions)) {
    expect([path, text.includes(JSON.stringify(words))]).toEqual([path, true]);
  }
});
