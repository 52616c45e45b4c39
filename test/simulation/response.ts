import type { AnyRequest, AnyResponse } from "@drover/cluster/http/listener";

/** Hears of an answer as the server gives it. */
export interface Hearer {
  /** Of an answer that comes in pieces: status and headers are known. */
  readonly head?: () => void;
  readonly piece?: (text: string) => void;
  /** The rest of it; undefined when it broke off. */
  readonly over: (rest: string | undefined) => void;
}

/** An answer of an embedded API server that goes to memory instead of a socket. */
export class MemoryResponse implements AnyResponse {
  status = 0;
  headers: Record<string, string> = {};
  headersSent = false;
  destroyed = false;
  readonly #hearer: Hearer;
  readonly #closed: (() => void)[] = [];
  #isHeadTold = false;

  constructor(hearer: Hearer) {
    this.#hearer = hearer;
  }

  writeHead(status: number, headers: Record<string, string | string[]>): void {
    this.status = status;
    this.headers = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    this.headersSent = true;
  }

  flushHeaders(): void {
    if (this.#isHeadTold) return;
    this.#isHeadTold = true;
    this.#hearer.head?.();
  }

  write(text: string): boolean {
    this.flushHeaders();
    if (!this.destroyed) this.#hearer.piece?.(text);
    return true;
  }

  end(body: string | Buffer): void {
    if (this.destroyed) return;
    this.#finish(String(body));
  }

  destroy(): void {
    if (!this.destroyed) this.#finish(undefined);
  }

  on(event: "close" | "drain", listener: () => void): void {
    if (event === "close") this.#closed.push(listener);
  }

  #finish(rest: string | undefined): void {
    this.destroyed = true;
    this.#hearer.over(rest);
    for (const listener of this.#closed.splice(0)) listener();
  }
}

export interface MemoryRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request as an embedded API server reads it. */
export function requestOf({ method, path, headers, body }: MemoryRequest): AnyRequest {
  const request = {
    method,
    url: path,
    headers,
    rawHeaders: Object.entries(headers).flat(),
    async *[Symbol.asyncIterator]() {
      if (body !== undefined) yield Buffer.from(body);
    },
  };
  return request as unknown as AnyRequest;
}
