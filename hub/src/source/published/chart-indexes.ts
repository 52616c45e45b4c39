import { digestOf, isDigest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { textAt } from "@drover/shared/json";

import type { WebAnswer } from "../web/web-client.ts";
import type { ContentCache } from "./content-cache.ts";

/** Asks a server with these headers; an answer of another status than 200 and 304 is thrown. */
export type Ask = (headers: Readonly<Record<string, string>>) => Promise<Pick<WebAnswer, "status" | "header" | "body">>;

/** Indexes of chart repositories, as large as some of them are, for all who look at the same time. */
export interface ChartIndexes {
  /**
   * The index of that name as it is now. All who want it while it is asked for get the same answer, and what is on disk is
   * not sent again while the server says that it is as it was. Throws what `ask` throws.
   */
  read(name: string, ask: Ask): Promise<Uint8Array>;
}

export function createChartIndexes(cache: ContentCache): ChartIndexes {
  const asking = new Map<string, Promise<Uint8Array>>();
  return {
    async read(name, ask) {
      const running = asking.get(name);
      if (running !== undefined) return running;
      const answer = readNow(cache, `index ${name}`, ask).finally(() => asking.delete(name));
      asking.set(name, answer);
      return answer;
    },
  };
}

async function readNow(cache: ContentCache, name: string, ask: Ask): Promise<Uint8Array> {
  const note = await cache.readNote(name);
  const digest = textAt(note, "digest") ?? "";
  const known = isDigest(digest) ? await cache.read(digest).catch(() => undefined) : undefined;
  const answer = await ask(known === undefined ? {} : conditionsOf(textAt(note, "etag"), textAt(note, "modified")));
  if (answer.status !== 304) {
    await remember(cache, name, answer);
    return answer.body;
  }
  if (known !== undefined) return known;
  throw new DroverError("source_unreachable", "the server says that an index is as before which nobody has yet");
}

function conditionsOf(etag = "", modified = ""): Readonly<Record<string, string>> {
  return {
    ...(etag === "" ? {} : { "if-none-match": etag }),
    ...(modified === "" ? {} : { "if-modified-since": modified }),
  };
}

/** Only with what tells it from a later one: without, it would never be asked for again. */
async function remember(cache: ContentCache, name: string, { header, body }: Awaited<ReturnType<Ask>>): Promise<void> {
  const [etag, modified] = [header("etag"), header("last-modified")];
  if (etag === "" && modified === "") return;
  const digest = digestOf(body);
  await cache.write(digest, body);
  await cache.writeNote(name, { digest, etag, modified });
}
