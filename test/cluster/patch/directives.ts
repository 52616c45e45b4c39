import { isRecord } from "../json.ts";
import { PatchError } from "./error.ts";

export type Fields = Readonly<Record<string, unknown>>;

export const orderPrefix = "$setElementOrder/";
export const deletePrefix = "$deleteFromPrimitiveList/";

/** A copy of `original` with only the fields that the patch's `$retainKeys` names; without it, all of them. */
export function retainKeys(original: Fields, patch: Fields): Record<string, unknown> {
  const retained = patch["$retainKeys"];
  if (retained === undefined) return { ...original };
  if (!Array.isArray(retained)) throw new PatchError(400, "$retainKeys must be a list");
  const stray = Object.keys(patch).find(
    (key) => !key.startsWith("$") && patch[key] !== null && !retained.includes(key),
  );
  if (stray !== undefined) throw new PatchError(400, `$retainKeys must name ${stray}, which the patch sets`);
  return Object.fromEntries(Object.entries(original).filter(([key]) => retained.includes(key)));
}

/** A value of a patch as it is stored where nothing was: without directives, nulls and items to delete. */
export function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.filter((item) => !isRecord(item) || item["$patch"] === undefined || item["$patch"] === "merge");
    return items.map((item) => withoutDirectives(item));
  }
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([key, item]) => item !== null && !isDirective(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutDirectives(item)]));
}

function isDirective(key: string): boolean {
  return key === "$patch" || key === "$retainKeys" || key.startsWith(orderPrefix) || key.startsWith(deletePrefix);
}

/** The field that a key of a patch is about: itself, or the list that its directive names. */
export function listDirectiveTarget(key: string): string {
  for (const prefix of [orderPrefix, deletePrefix]) if (key.startsWith(prefix)) return key.slice(prefix.length);
  return key;
}
