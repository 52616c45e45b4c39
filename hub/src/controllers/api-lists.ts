import type { Digest } from "@drover/shared/digest";
import { readApiList, type ApiList } from "@drover/shared/kube/api-list";

import { SizedCache } from "../source/sized-cache.ts";
import type { Store } from "../store/store.ts";

const cacheBytes = 64 * 1024 * 1024;

/** Lists of APIs by the digests that agents name: many clusters share one. */
export class ApiLists {
  readonly #store: Pick<Store, "blob" | "keep">;
  readonly #read = new SizedCache<ApiList>(cacheBytes);

  constructor(store: Pick<Store, "blob" | "keep">) {
    this.#store = store;
  }

  /** undefined = no agent has told it yet. */
  find(digest: Digest): ApiList | undefined {
    const known = this.#read.get(digest);
    if (known !== undefined) return known;
    const bytes = this.#store.blob(digest);
    if (bytes === undefined) return undefined;
    const list = readApiList(JSON.parse(new TextDecoder().decode(bytes)), digest);
    this.#read.set(digest, list, bytes.byteLength);
    return list;
  }

  keep({ digest, versions }: ApiList): void {
    this.#store.keep({ digest, bytes: new TextEncoder().encode(JSON.stringify(versions)) });
  }
}
