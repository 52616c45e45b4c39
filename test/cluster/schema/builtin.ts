import { mergeDefinitions, readByValueFields, readDefinitions, typeSource } from "./definitions.ts";

/**
 * The types of all builtin kinds: what 1.20 has, over it what later versions added, and the versions of kinds that
 * later ones took away (`older.json`), which clients of both still meet.
 */
const definitions = mergeDefinitions(readDefinitions("builtin.json"), readDefinitions("newer.json"));

export const builtin = typeSource(mergeDefinitions(definitions, readDefinitions("older.json")), readByValueFields());

/** The name of ObjectMeta among the builtin definitions. */
export const objectMetaName = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
