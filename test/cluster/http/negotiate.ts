import { notAcceptable } from "./status.ts";

/** How a client wants an object or a list to look. */
export type Representation = "full" | "table" | "metadata";

const json = "application/json";

type MediaRange = { readonly type: string; readonly parameters: ReadonlyMap<string, string> };

/** The first representation in the Accept header that this server has. Throws 406. */
export function negotiate(accept: string | undefined): Representation {
  if (accept === undefined || accept.trim() === "") return "full";
  for (const range of mediaRanges(accept)) {
    if (range.type !== json && range.type !== "*/*" && range.type !== "application/*") continue;
    const as = range.parameters.get("as");
    if (as === undefined) return "full";
    if (range.parameters.get("g") !== "meta.k8s.io") continue;
    if (as === "Table") return "table";
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return "metadata";
  }
  throw notAcceptable([json, "application/json;stream=watch"]);
}

export function mediaRanges(accept: string): MediaRange[] {
  return accept.split(",").map((part) => {
    const [type = "", ...parameters] = part.split(";").map((each) => each.trim());
    const pairs = parameters.map((each): [string, string] => {
      const equals = each.indexOf("=");
      return equals === -1 ? [each, ""] : [each.slice(0, equals), each.slice(equals + 1)];
    });
    return { type, parameters: new Map(pairs) };
  });
}
