import { mergeDefinitions, readByValueFields, readDefinitions, typeSource } from "./definitions.ts";

/** The types of all builtin kinds: what 1.20 has, and over it what later versions added. */
export const builtin = typeSource(
  mergeDefinitions(readDefinitions("builtin.json"), readDefinitions("newer.json")),
  readByValueFields(),
);

/** The name of ObjectMeta among the builtin definitions. */
export const objectMetaName = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
