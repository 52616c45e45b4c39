import { mergePatch } from "../patch/merge.ts";
import type { KubeObject } from "../schema/object.ts";
import type { TypeSchema } from "../schema/type-schema.ts";

export type ConflictCause = { readonly field: string; readonly message: string };

export type ApplyRequest = {
  /** The stored object; undefined when the apply creates it. */
  readonly live: KubeObject | undefined;
  /** What the client sent: only the fields that it wants to own. */
  readonly applied: KubeObject;
  readonly manager: string;
  readonly force: boolean;
  /** RFC 3339 with seconds, as written to `managedFields[].time`. */
  readonly now: string;
  readonly schema: TypeSchema;
  readonly subresource?: string;
};

export type ApplyResult =
  | { readonly kind: "merged"; readonly object: KubeObject }
  | { readonly kind: "conflict"; readonly causes: ConflictCause[] };

export type UpdateRequest = {
  readonly before: KubeObject | undefined;
  readonly after: KubeObject;
  readonly manager: string;
  readonly now: string;
  readonly schema: TypeSchema;
  readonly subresource?: string;
};

export function applyFields(request: ApplyRequest): ApplyResult {
  return { kind: "merged", object: mergePatch(request.live ?? {}, request.applied) as KubeObject };
}

export function trackUpdate(request: UpdateRequest): KubeObject {
  return request.after;
}
