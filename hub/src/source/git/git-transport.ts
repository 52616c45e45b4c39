import type { DroverError } from "@drover/shared/errors";
import type { HttpClient } from "isomorphic-git";

/** How Git's requests reach a repository, for one fetch. Disposing ends what is still open. */
export interface GitTransport extends HttpClient, Disposable {
  /** What isomorphic-git is given as the address. */
  readonly url: string;
  /** Why an answer was cut off: isomorphic-git swallows what a body throws. */
  readonly failure: DroverError | undefined;
}

export async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** The whole of a request. */
export async function collect(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Uint8Array.from(Buffer.concat(chunks));
}
