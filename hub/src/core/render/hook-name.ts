import { canonicalJson, digestOf } from "@drover/shared/digest";
import { isRecord, textAt } from "@drover/shared/json";

import type { LoadedDocument } from "./loaded.ts";

const hookAnnotations = ["helm.sh/hook", "argocd.argoproj.io/hook"] as const;
/** A prefix that is longer would make a name too long for a Job, as on a server. */
const maxPrefix = 52;

/**
 * Hooks may leave the end of their name to the server (case 12). Here their content decides it, so that every render of
 * a revision is the same; an agent deletes what an earlier run left under the name. Anything else comes back as it is.
 */
export function nameHook(document: LoadedDocument): LoadedDocument {
  const { value } = document;
  const prefix = textAt(value, "metadata", "generateName") ?? "";
  if (prefix === "" || !isRecord(value) || !isRecord(value["metadata"]) || !isHook(value)) return document;
  const { metadata } = value;
  if ((metadata["name"] ?? "") !== "") return document;
  const name = `${prefix.slice(0, maxPrefix)}${digestOf(canonicalJson(value)).slice(7, 17)}`;
  return { ...document, value: { ...value, metadata: { ...metadata, name } } };
}

function isHook(value: unknown): boolean {
  return hookAnnotations.some((annotation) => textAt(value, "metadata", "annotations", annotation) !== undefined);
}
