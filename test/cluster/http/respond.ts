import type { AnyResponse } from "./listener.ts";
import { statusBody, StatusError, UnknownPathError } from "./status.ts";

/** On every answer; the flow control headers tell clients that the server limits them, so they need not do so themselves. */
export const standardHeaders = {
  "cache-control": "no-cache, private",
  "x-kubernetes-pf-flowschema-uid": "00000000-0000-4000-8000-0000000000f5",
  "x-kubernetes-pf-prioritylevel-uid": "00000000-0000-4000-8000-0000000000e7",
} as const;

type Answer = {
  readonly status: number;
  readonly body: string | Buffer;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
};

export function send(response: AnyResponse, answer: Answer): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(answer.status, {
    "content-type": answer.contentType,
    ...standardHeaders,
    "content-length": String(Buffer.byteLength(answer.body)),
    ...answer.headers,
  });
  response.end(answer.body);
}

export function sendJson(response: AnyResponse, status: number, body: unknown, warnings: readonly string[] = []): void {
  const warning = warnings.map((text) => `299 - ${JSON.stringify(text)}`);
  send(response, {
    status,
    body: JSON.stringify(body),
    contentType: "application/json",
    headers: warning.length > 0 ? { warning } : {},
  });
}

export function sendText(response: AnyResponse, status: number, text: string): void {
  send(response, { status, body: text, contentType: "text/plain; charset=utf-8" });
}

/** Any failure as the real server words it; what is none of ours becomes 500 with its message. */
export function sendError(response: AnyResponse, error: unknown): void {
  if (error instanceof UnknownPathError) {
    sendText(response, 404, "404 page not found\n");
    return;
  }
  const status =
    error instanceof StatusError
      ? error
      : new StatusError({ code: 500, reason: "InternalError", message: messageOf(error) });
  sendJson(response, status.code, statusBody(status));
}

function messageOf(error: unknown): string {
  return `Internal error occurred: ${error instanceof Error ? (error.stack ?? error.message) : "unknown"}`;
}
