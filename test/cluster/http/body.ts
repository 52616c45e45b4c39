import type { AnyRequest } from "./listener.ts";
import { tooLarge } from "./status.ts";

/** The limit of a real server's request bodies. */
export const bodyLimitBytes = 3 * 1024 * 1024;

/** Reads a request's body to its end. Throws 413 beyond the limit, after having read and dropped the rest. */
export async function readBody(request: AnyRequest): Promise<Buffer> {
  if (request.method === "GET" || request.method === "HEAD") return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes <= bodyLimitBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (bytes > bodyLimitBytes) throw tooLarge(bodyLimitBytes);
  return Buffer.concat(chunks);
}
