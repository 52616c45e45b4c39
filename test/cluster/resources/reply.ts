import type { KubeObject } from "../schema/schema.ts";
import type { WatchSource } from "../storage/watch.ts";
import type { ServedKind } from "./kinds.ts";

/** What a verb answers, before content negotiation turns it into bytes. */
export type Reply =
  | { readonly type: "text"; readonly status: number; readonly text: string }
  | { readonly type: "json"; readonly status: number; readonly body: unknown; readonly contentType?: string }
  | {
      readonly type: "object";
      readonly status: number;
      readonly kind: ServedKind;
      readonly object: KubeObject;
      readonly warnings?: readonly string[];
    }
  | {
      readonly type: "list";
      readonly kind: ServedKind;
      readonly items: readonly KubeObject[];
      readonly metadata: ListMetadata;
    }
  | { readonly type: "watch"; readonly kind: ServedKind; readonly source: WatchSource };

export type ListMetadata = {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
};
