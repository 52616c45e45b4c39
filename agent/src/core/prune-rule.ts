import { textAt, type JsonRecord } from "@drover/shared/json";

/** What an object says about its own deletion: nothing, never, or only after a person has said so. */
export type PruneRule = "" | "keep" | "confirm";

/** Annotations that keep an object, with the value that does; those of other tools mean here what they mean there. */
const keepers: Readonly<Record<string, string>> = {
  "drover.dev/prune": "disabled",
  "kustomize.toolkit.fluxcd.io/prune": "disabled",
  "helm.sh/resource-policy": "keep",
  "client.lifecycle.config.k8s.io/deletion": "detach",
  "cli-utils.sigs.k8s.io/on-remove": "keep",
};
/** A list: `Prune=false,Replace=true`. */
const argoOptions = "argocd.argoproj.io/sync-options";

/**
 * Reads it from annotations (case 53). Argo CD tells pruning from the removal of a whole application; here either of its
 * options counts for both, because whoever wrote one of them wants the object to stay.
 */
export function pruneRuleOf(object: JsonRecord): PruneRule {
  const annotation = (name: string): string | undefined => textAt(object, "metadata", "annotations", name);
  if (Object.entries(keepers).some(([name, value]) => annotation(name) === value)) return "keep";
  const options = (annotation(argoOptions) ?? "").split(",").map((option) => option.trim());
  if (options.includes("Prune=false") || options.includes("Delete=false")) return "keep";
  return options.includes("Prune=confirm") || options.includes("Delete=confirm") ? "confirm" : "";
}
