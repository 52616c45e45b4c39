import type { Socket } from "node:net";

import { encodeFrame, type Frame } from "./frame.ts";

/** What may be on its way in one direction, between the sockets at both ends. */
const windowBytes = 256 * 1024;
/** Far below what a broker takes as one message. */
const pieceBytes = 32 * 1024;

export interface TunnelOptions {
  /** This end's piece of TCP; the tunnel closes it, and is closed by it. */
  readonly socket: Socket;
  readonly publish: (frame: Uint8Array) => void;
  /** Called once, after the last frame was published. */
  readonly closed: () => void;
}

/**
 * One end of a TCP connection that is carried by messages. It reads no more from its socket than the other end has taken
 * off its hands, so a slow reader there slows the writer here, as one connection would, and nothing piles up between.
 */
export class Tunnel {
  readonly #socket: Socket;
  readonly #publish: (frame: Uint8Array) => void;
  #sent = 0;
  /** Of what was sent, as the other end says. */
  #takenThere = 0;
  #received = 0;
  #takenHere = 0;
  #told = 0;
  /** Directions that ended as they should. */
  #endedHere = false;
  #endedThere = false;
  #closed = false;

  constructor({ socket, publish, closed }: TunnelOptions) {
    this.#socket = socket;
    this.#publish = publish;
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.on("data", (data: Buffer) => this.#send(data));
    socket.once("end", () => {
      this.#endedHere = true;
      publish(encodeFrame({ kind: "end" }));
    });
    socket.once("close", () => {
      this.#closed = true;
      if (!this.#endedHere || !this.#endedThere) publish(encodeFrame({ kind: "reset" }));
      closed();
    });
  }

  receive(frame: Frame): void {
    if (this.#closed) return;
    switch (frame.kind) {
      case "open":
        return this.accept();
      case "data":
        return this.#deliver(frame.bytes);
      case "credit":
        return this.#credit(frame.taken);
      case "end":
        this.#endedThere = true;
        return void this.#socket.end();
      case "reset":
        return this.destroy();
    }
  }

  /** Says that this end is there; also again, since the first time may have been lost. */
  accept(): void {
    this.#publish(encodeFrame({ kind: "credit", taken: this.#told }));
  }

  /** No `resetAndDestroy`: it waits for what cannot be written any more, and then may never say that it is closed. */
  destroy(): void {
    this.#socket.destroy();
  }

  #send(data: Buffer): void {
    for (let start = 0; start < data.byteLength; start += pieceBytes) {
      this.#publish(encodeFrame({ kind: "data", bytes: data.subarray(start, start + pieceBytes) }));
    }
    this.#sent += data.byteLength;
    if (this.#sent - this.#takenThere >= windowBytes) this.#socket.pause();
  }

  #credit(taken: number): void {
    if (taken > this.#sent) return this.destroy();
    this.#takenThere = Math.max(this.#takenThere, taken);
    if (this.#sent - this.#takenThere < windowBytes) this.#socket.resume();
  }

  #deliver(bytes: Uint8Array): void {
    this.#received += bytes.byteLength;
    // One read of a socket may go beyond the window, by no more than 64 KiB; who sends more counts on our memory.
    if (this.#endedThere || this.#received - this.#takenHere > 2 * windowBytes) return this.destroy();
    // The client hands out views of what it read: they must not keep whole reads in memory, nor change under the write.
    this.#socket.write(Buffer.from(bytes), (failure) => {
      if (failure !== null && failure !== undefined) return;
      this.#takenHere += bytes.byteLength;
      if (this.#takenHere - this.#told < windowBytes / 4 || this.#closed) return;
      this.#told = this.#takenHere;
      this.accept();
    });
  }
}
