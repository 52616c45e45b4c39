import { isRecord, recordAt } from "@drover/shared/json";
import type { KubeObject, Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { Overridden } from "./apply-overrides.ts";
import { headOf, jsonOf, manifestOf } from "./packed-manifest.ts";
import {
  fillText,
  fillVariables,
  holdsVariables,
  mayMark,
  markVariables,
  reserved,
  type Filled,
  type Marked,
  type VariableSource,
} from "./variables.ts";

/** Marks the variables in manifests; each that there is not is a problem. */
export function markManifests(manifests: readonly Manifest[]): Overridden {
  const problems: Problem[] = [];
  const marked = manifests.map((manifest) => {
    if (!mayMark(jsonOf(manifest)) && !isSecret(manifest)) return manifest;
    const { object } = manifest;
    const { value, faults } = markObject(object);
    const at = manifest.at === undefined ? {} : { at: manifest.at };
    for (const { message, hint } of faults) {
      problems.push({ code: "variable-unknown", severity: "error", message, hint, ...at });
    }
    return value === object ? manifest : manifestOf(value, manifest.at);
  });
  return { manifests: marked, problems };
}

/** Problems of manifests that are to hold no variables: some look as if they did. */
export function refuseMarks(manifests: readonly Manifest[]): readonly Problem[] {
  return manifests.filter(isTemplate).map(({ at }) => ({
    code: "variable-unknown",
    severity: "error" as const,
    ...reserved,
    ...(at === undefined ? {} : { at }),
  }));
}

function markObject(object: KubeObject): Marked<KubeObject> {
  const marked = markVariables(object);
  const faults = [...marked.faults];
  const texts = secretTexts(object).flatMap(([key, text]) => {
    const { value, faults: found } = markVariables(text);
    faults.push(...found);
    return value === text ? [] : [[key, encodeBase64(value)] as const];
  });
  return { value: texts.length === 0 ? marked.value : withData(marked.value, texts), faults };
}

/** Whether an object holds variables that are not filled in, so that it is another one on each cluster. */
export function isTemplate(manifest: Manifest): boolean {
  if (holdsVariables(jsonOf(manifest))) return true;
  return isSecret(manifest) && secretTexts(manifest.object).some(([, text]) => holdsVariables(text));
}

/** Fills in an object. Values of a Secret are base64 by now, with the variables inside. */
export function fillObject(object: KubeObject, source: VariableSource): Filled<KubeObject> {
  const filled = fillVariables(object, source);
  const texts = secretTexts(object).filter(([, text]) => holdsVariables(text));
  if (texts.length === 0) return filled;
  const missing = new Set(filled.missing);
  const data = texts.map(([key, text]) => {
    const { value, missing: lacking } = fillText(text, source);
    for (const variable of lacking) missing.add(variable);
    return [key, encodeBase64(value)] as const;
  });
  return { value: withData(filled.value, data), missing: [...missing] };
}

function withData(object: KubeObject, texts: readonly (readonly [key: string, base64: string])[]): KubeObject {
  return { ...object, data: { ...recordAt(object, "data"), ...Object.fromEntries(texts) } };
}

function encodeBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** The values of a Secret as text. */
export function secretTexts(object: KubeObject): readonly (readonly [key: string, text: string])[] {
  const { data } = object;
  if (!isSecretKind(object) || !isRecord(data)) return [];
  return Object.entries(data).flatMap(([key, value]) =>
    typeof value === "string" ? [[key, Buffer.from(value, "base64").toString()] as const] : [],
  );
}

function isSecret(manifest: Manifest): boolean {
  return isSecretKind(headOf(manifest));
}

function isSecretKind({ apiVersion, kind }: KubeObject): boolean {
  return apiVersion === "v1" && kind === "Secret";
}
