import type { GitHttpRequest, GitHttpResponse, HttpClient } from "isomorphic-git";

import { collect, stream } from "./git-transport.ts";

const capability = " thin-pack";

/**
 * Asks for thin packs where the server has them. Without history, a server leaves out what is known only from a thin pack:
 * else it would send the whole repository for each commit. isomorphic-git does not ask for them, yet reads them: it
 * looks for the base of a delta in all packs of the mirror.
 */
export function askForThinPacks(http: HttpClient): HttpClient {
  let isOffered = false;
  return {
    async request(request: GitHttpRequest): Promise<GitHttpResponse> {
      if (request.method === "POST") {
        if (!isOffered || request.body === undefined) return http.request(request);
        const body = addCapability(await collect(request.body));
        return http.request({ ...request, body: stream(body) });
      }
      const response = await http.request(request);
      const advertised = await collect(response.body ?? []);
      isOffered = offers(advertised, capability);
      return { ...response, body: stream(advertised) };
    },
  };
}

/** Whether a server says that it is able to do something: `" thin-pack"`. */
export function offers(advertised: Uint8Array, ability: string): boolean {
  return firstRefOf(advertised).includes(ability);
}

/** What the server is able to do stands behind the first of its refs, up to the line's end. */
function firstRefOf(advertised: Uint8Array): string {
  const start = advertised.indexOf(0);
  if (start === -1) return "";
  const end = advertised.indexOf(0x0a, start);
  return new TextDecoder().decode(advertised.subarray(start, end === -1 ? advertised.length : end));
}

/** `0032want ID …\n` with one more capability in it; what is no request for objects stays as it is. */
function addCapability(body: Uint8Array): Uint8Array {
  const text = new TextDecoder();
  const length = Number.parseInt(text.decode(body.subarray(0, 4)), 16);
  if (!(length > 4 && length <= body.length) || text.decode(body.subarray(4, 9)) !== "want ") return body;
  const line = text.decode(body.subarray(4, length)).trimEnd();
  const longer = `${line}${capability}\n`;
  const head = (longer.length + 4).toString(16).padStart(4, "0");
  return Buffer.concat([Buffer.from(`${head}${longer}`), body.subarray(length)]);
}
