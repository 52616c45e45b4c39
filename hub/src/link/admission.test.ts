import { EventEmitter } from "node:events";
import type { Socket } from "node:net";

import { describe, expect, it } from "vitest";

import { Admission } from "./admission.ts";

const limits = {
  handshakes: 4,
  handshakesPerAddress: 2,
  silent: 6,
  silentPerAddress: 4,
  handshakeTimeoutMs: 5_000,
  handshakeWaitMs: 20_000,
};

/** As much of a socket as is looked at. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  destroyed = false;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit("close");
  }

  speak(): void {
    this.emit("readable");
  }
}

function begin() {
  const begun: FakeSocket[] = [];
  const admission = new Admission(limits, (socket) => void begun.push(socket as unknown as FakeSocket));
  const add = (address: string, now = 0): FakeSocket => {
    const socket = new FakeSocket(address);
    admission.add(socket as unknown as Socket, now);
    return socket;
  };
  const finish = (socket: FakeSocket | undefined): void => admission.finished(socket as unknown as Socket);
  return { admission, add, begun, finish };
}

describe("admission", () => {
  it("E66: lets so many handshakes begin at once, of one address a share, and the addresses in turn", () => {
    const { add, begun, finish } = begin();
    for (const address of ["a", "a", "a", "a", "b", "c", "c"]) add(address).speak();
    const order = (): string => begun.map(({ remoteAddress }) => remoteAddress).join("");
    expect(order()).toBe("aabc");
    finish(begun[0]);
    expect(order()).toBe("aabcc");
    finish(begun[2]);
    expect(order()).toBe("aabcca");
    begun[1]?.destroy();
    expect(order()).toBe("aabccaa");
  });

  it("begins none for a socket that says nothing, and ends it when it has said nothing for too long", () => {
    const { admission, add, begun } = begin();
    const [silent, late] = [add("a", 0), add("b", 3_000)];
    admission.sweep(4_999);
    expect(silent.destroyed).toBe(false);
    admission.sweep(5_000);
    expect([silent.destroyed, late.destroyed]).toEqual([true, false]);
    expect(begun).toEqual([]);
  });

  it("T33: of too many that say nothing, ends the oldest of that address, and then of all", () => {
    const { add } = begin();
    const sockets = ["a", "a", "a", "a", "a", "b", "b", "b"].map((address) => add(address));
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true, false, false, false, false, false, false]);
  });

  it("lets one that waits for its turn wait longer, but not for ever", () => {
    const { admission, add } = begin();
    const sockets = ["a", "a", "a"].map((address) => add(address));
    for (const socket of sockets) socket.speak();
    admission.sweep(19_999);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
    admission.sweep(20_000);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, true]);
  });

  it("counts anew an address whose connections had all been through", () => {
    const { add, begun, finish } = begin();
    const first = add("a");
    first.speak();
    finish(begun[0]);
    add("a");
    first.destroy();
    add("a").speak();
    expect(begun).toHaveLength(2);
  });
});
