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

/** Reads how an application's objects are treated: `sync` and `health` of its spec. */
export function readSync(spec: Fields | undefined): Sync {
  const fields = spec?.map("sync");
  const sync = fields === undefined ? defaults : readSettings(fields);
  return { ...sync, options: { ...sync.options, healthRules: spec?.maps("health").map(readHealthRule) ?? [] } };
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
    failed: rule.text("failed") ?? "",
    degraded: rule.text("degraded") ?? "",
    progressing: rule.text("progressing") ?? "",
    suspended: rule.text("suspended") ?? "",
    current: rule.text("current") ?? "",
    message: rule.text("message") ?? "",
  };
  rule.finish();
  return read;
}
