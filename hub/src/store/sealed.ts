import { hash } from "node:crypto";

const pattern = /^\{"seal":"(?<seal>[0-9a-f]{16})"(?<comma>,?)/u;

/** The JSON of a record with a hash of itself in front: SQLite notices a page out of order, but not a letter that changed. */
export function seal(record: object): string {
  const json = JSON.stringify(record);
  return `{"seal":"${sealOf(json)}"${json === "{}" ? "" : ","}${json.slice(1)}`;
}

/** The JSON as it was before `seal`; undefined for what was changed since. */
export function unseal(text: string): string | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const json = `{${text.slice(match[0].length)}`;
  return sealOf(json) === match.groups?.["seal"] ? json : undefined;
}

function sealOf(json: string): string {
  return hash("sha256", json).slice(0, 16);
}
