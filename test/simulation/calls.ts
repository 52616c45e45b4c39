import { EventEmitter } from "node:events";

import { Metadata, status, type StatusObject } from "@grpc/grpc-js";

import { serviceError, type Lane } from "./lane.ts";
import type { Pipe } from "./pipe.ts";

/** The agent's end of a stream, as far as Drover's link uses it. */
export class ClientCall<Request, Response> {
  readonly call: object;

  constructor(down: Lane<Response>, up: Lane<Request>, server: { readonly cancel: () => void }) {
    let isOver = false;
    const cancel = (): void => {
      if (isOver) return;
      isOver = true;
      down.pipe.fail(serviceError({ code: status.CANCELLED, details: "canceled", metadata: new Metadata() }));
      up.signal(server.cancel);
    };
    this.call = {
      on: () => undefined,
      write(message: Request, done: () => void) {
        up.send(message, done);
        return true;
      },
      end: () => up.end(),
      cancel,
      [Symbol.asyncIterator]: () => down.pipe,
    };
  }
}

/** The hub's end of a stream, as far as Drover's link uses it. */
export class ServerCall<Request, Response> {
  // oxlint-disable-next-line typescript/no-explicit-any -- a part of grpc-js' class, which cannot be made without a connection
  readonly call: any;
  readonly cancel: () => void;

  constructor(endpoint: string, up: Pipe<Request>, down: Lane<Response>, request?: unknown) {
    const events = new EventEmitter();
    let isOver = false;
    const over = (event: "close" | "cancelled"): void => {
      if (isOver) return;
      isOver = true;
      events.emit(event);
    };
    this.cancel = () => {
      this.call.cancelled = true;
      up.fail(new Error("the call was canceled"));
      over("cancelled");
    };
    this.call = {
      request,
      cancelled: false,
      getPeer: () => endpoint,
      iterator: () => up,
      [Symbol.asyncIterator]: () => up,
      once: (event: string, listener: () => void) => events.once(event, listener),
      write(message: Response, done: (error?: Error) => void) {
        down.send(message, done);
        return true;
      },
      end() {
        down.end();
        over("close");
      },
      emit(_event: "error", reason: StatusObject) {
        down.end(serviceError(reason));
        over("close");
      },
    };
  }
}
