import { unseal } from "./sealed.ts";

// Rows were written by this store, from records of the same shape, and their seals were checked when the file was opened.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function parseRecord<T>(row: Readonly<Record<string, unknown>>): T {
  return JSON.parse(unseal(String(row["record"])) ?? "") as T;
}
