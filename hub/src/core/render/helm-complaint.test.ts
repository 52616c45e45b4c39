import { formatProblem } from "@drover/shared/problems";
import { expect, test } from "vitest";

import { explainHelm } from "./helm-complaint.ts";

const places = { fileOf: (name: string) => name.replace(/^web\//u, "apps/web/"), chart: "apps/web/Chart.yaml" };
const hint = "\n\nUse --debug flag to render out invalid YAML\n";

// What Helm 4.1 and 3.19 say.
test.each([
  [
    `Error: execution error at (web/templates/a.yaml:3:5): no host: set it${hint}`,
    "apps/web/templates/a.yaml:3:6: no host: set it",
  ],
  [
    `Error: parse error at (web/templates/a.yaml:7): function "env" not defined${hint}`,
    'apps/web/templates/a.yaml:7:1: function "env" not defined',
  ],
  [
    `Error: web/templates/a.yaml:1:13\n  executing "web/templates/a.yaml" at <.Values.x.y.z>:\n    can't evaluate field y in type interface {}${hint}`,
    "apps/web/templates/a.yaml:1:14: <.Values.x.y.z>: can't evaluate field y in type interface {}",
  ],
  [
    'Error: template: web/templates/a.yaml:1:4: executing "web/templates/a.yaml" at <include "x" .>: error calling include: template: web/templates/_h.tpl:2:8: executing "x" at <.Values.a.b>: nil pointer evaluating interface {}.b\n',
    "apps/web/templates/_h.tpl:2:9: <.Values.a.b>: nil pointer evaluating interface {}.b",
  ],
  [
    'Error: template: web/templates/a.yaml:1:6: executing "web/templates/a.yaml" at <tpl .Values.text .>: error calling tpl: error during tpl function execution for "secret \\" {{ .foo.bar }}": template: gotpl:1:7: executing "gotpl" at <.foo.bar>: nil pointer evaluating interface {}.bar\n',
    "apps/web/templates/a.yaml:1:7: <.foo.bar>: nil pointer evaluating interface {}.bar",
  ],
  [
    `Error: YAML parse error on web/templates/a.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context${hint}`,
    "apps/web/templates/a.yaml:1:1: renders no valid YAML: line 2: mapping values are not allowed in this context (the line is one of the output)",
  ],
  [
    "Error: failed to parse values/0.yaml: error converting YAML to JSON: yaml: line 3: did not find expected key\n",
    "values/0.yaml:3:1: did not find expected key",
  ],
  [
    "Error: error unpacking subchart mid in web: error unpacking subchart low in mid: cannot load values.yaml: cannot unmarshal yaml document: error converting YAML to JSON: yaml: line 2: x\n",
    "chart/charts/mid/charts/low/values.yaml:2:1: x",
  ],
  [
    "Error: cannot load values.yaml: cannot unmarshal yaml document: error converting YAML to JSON: yaml: line 2: x\n",
    "values.yaml:2:1: x",
  ],
  [
    "Error: cannot load Chart.yaml: error converting YAML to JSON: yaml: line 1: did not find expected key\n",
    "Chart.yaml:1:1: did not find expected key",
  ],
  [
    "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- at '': missing property 'z'\n- at '/a': got number, want string\n\n",
    "apps/web/Chart.yaml:1:1: the values do not fit the schema of the chart web: at '': missing property 'z'; at '/a': got number, want string",
  ],
  [
    "level=INFO msg=x\nError: chart requires kubeVersion: >=1.99 which is incompatible with Kubernetes v1.35.0\n",
    "apps/web/Chart.yaml:1:1: chart requires kubeVersion: >=1.99 which is incompatible with Kubernetes v1.35.0",
  ],
  [
    "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- at '/a': 'hunter2' does not match pattern '^x$'\n",
    "apps/web/Chart.yaml:1:1: the values do not fit the schema of the chart web: at '/a': what is there does not match pattern '^x$'",
  ],
  [
    'Error: template: web/templates/x.yaml:1:21: executing "web/templates/x.yaml" at <toDate .Values.a>: error calling toDate: parsing time "hunter2" as "2006": cannot parse "hunter2" as "2006"',
    'apps/web/templates/x.yaml:1:22: <toDate .Values.a>: error calling toDate: parsing time a value as "2006": cannot parse a value as "2006"',
  ],
  ["panic: x\n\ngoroutine 1 [running]:\nmain.main()", "apps/web/Chart.yaml:1:1: helm crashed"],
  ["", "apps/web/Chart.yaml:1:1: helm failed without a word"],
])("finds the place in %j", (complaint, expected) => {
  expect(formatProblem(explainHelm(complaint, places))).toBe(expected);
});

test("tells what does not fit a schema from other faults", () => {
  const text = "values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- at '/a': x\n";
  expect(explainHelm(`Error: ${text}`, places).code).toBe("helm-schema");
  expect(explainHelm("Error: x", places).code).toBe("helm-failed");
});
