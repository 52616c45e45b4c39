import { compileExpression } from "@drover/shared/cel/expression";
import { parseFieldPath } from "@drover/shared/kube/field-path";
import { adoptPolicies, defaultSync, driftModes, type HealthRule, type IgnoreRule } from "@drover/shared/sync-options";

import type { Application } from "./application.ts";
import { nameRule, type Fields } from "./fields.ts";
import { deletions } from "./target.ts";

type Sync = Application["sync"];

const defaults: Sync = {
  prune: true,
  allowEmpty: false,
  createNamespace: true,
  deletion: "uninstall",
  options: defaultSync,
};

/** Reads how an application's objects are treated: `sync`, `dependsOn` and `health` of its spec. */
export function readSync(spec: Fields | undefined): Sync {
  const fields = spec?.map("sync");
  const sync = fields === undefined ? defaults : readSettings(fields);
  const dependsOn = spec?.texts("dependsOn", nameRule) ?? [];
  const healthRules = spec?.maps("health").map(readHealthRule) ?? [];
  return { ...sync, options: { ...sync.options, dependsOn, healthRules } };
}

function readSettings(fields: Fields): Sync {
  const { options } = defaults;
  const settings = {
    prune: fields.flag("prune", defaults.prune),
    allowEmpty: fields.flag("allowEmpty", defaults.allowEmpty),
    createNamespace: fields.flag("createNamespace", defaults.createNamespace),
    deletion: fields.oneOf("deletion", deletions, defaults.deletion),
    options: {
      adopt: fields.oneOf("adopt", adoptPolicies, options.adopt),
      drift: fields.oneOf("drift", driftModes, options.drift),
      ignore: fields.maps("ignore").map(readIgnoreRule),
      recreate: fields.flag("recreate", options.recreate),
      allOrNothing: fields.flag("allOrNothing", options.allOrNothing),
      dependsOn: options.dependsOn,
      gateTimeoutMs: fields.duration("gateTimeout", { minMs: 1_000, maxMs: 86_400_000 }) ?? options.gateTimeoutMs,
      serviceAccount: fields.text("serviceAccount", nameRule) ?? options.serviceAccount,
      healthRules: options.healthRules,
    },
  };
  fields.finish();
  return settings;
}

function readIgnoreRule(rule: Fields): IgnoreRule {
  const paths = readPaths(rule);
  const read = {
    // Who names a kind without its group means that kind, whatever group it is in.
    group: rule.text("group") ?? "*",
    kind: rule.text("kind") ?? "",
    namespace: rule.text("namespace") ?? "",
    name: rule.text("name") ?? "",
    paths,
    managers: rule.texts("managers"),
  };
  rule.finish();
  return read;
}

/** In the form in which differences and drift are reported, so that they can be copied from there. */
function readPaths(rule: Fields): readonly string[] {
  const paths = rule.texts("paths");
  if (paths.length === 0) rule.missing("paths");
  for (const [index, text] of rule.list("paths").entries()) {
    if (typeof text !== "string") continue;
    const path = parseFieldPath(text);
    const example = "write spec.replicas, metadata.annotations[note] or spec.containers[name=web].image";
    if (path === undefined) rule.note(["paths", index], `is no field path: ${JSON.stringify(text)}`, example);
    else if (path.some(({ kind }) => kind === "index")) {
      const hint = "name the item by its keys, as in spec.containers[name=web], or the list as a whole";
      rule.note(["paths", index], "names a list item by its place", hint);
    }
  }
  return paths;
}

function readHealthRule(rule: Fields): HealthRule {
  const read = {
    group: rule.requiredText("group"),
    kind: rule.requiredText("kind"),
    failed: readExpression(rule, "failed", "bool"),
    degraded: readExpression(rule, "degraded", "bool"),
    progressing: readExpression(rule, "progressing", "bool"),
    suspended: readExpression(rule, "suspended", "bool"),
    current: readExpression(rule, "current", "bool"),
    message: readExpression(rule, "message", "string"),
  };
  rule.finish();
  return read;
}

const examples = {
  bool: "write CEL that is true or false of object, such as object.status.phase == 'Ready'",
  string: "write CEL that makes a text of object, such as 'phase ' + object.status.phase",
};

/** The agent compiles it again; what does not compile is told here, before it reaches a cluster. */
function readExpression(rule: Fields, key: keyof HealthRule, type: keyof typeof examples): string {
  const source = rule.text(key) ?? "";
  const fault = source === "" ? undefined : compileExpression(source, type).fault;
  if (fault !== undefined) rule.wrong(key, `does not compile: ${fault}`, examples[type]);
  return source;
}
