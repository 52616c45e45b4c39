/**
 * Characters that show as nothing and change how others show, or where a line ends: C0 and C1 controls, DEL, direction
 * marks, and the line separators of Unicode. With the flag g: for `replaceAll`.
 */
export const unseen = /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/** The same JSON on one line, with escapes for those that JSON lets stand as they are. */
export function escapeUnseen(json: string): string {
  return json.replaceAll(unseen, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
