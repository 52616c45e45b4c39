import type { KustomizationCase } from "./kustomization-case.ts";
import { fields } from "./kustomizations-fields.ts";
import { generators } from "./kustomizations-generated.ts";
import { patches } from "./kustomizations-patched.ts";
import { structure } from "./kustomizations-structure.ts";

/** By their claims, which are also the names of their folders. */
export const kustomizations: Readonly<Record<string, KustomizationCase>> = {
  ...generators,
  ...patches,
  ...fields,
  ...structure,
};
