import { startEvilWire, type EvilWire } from "./evil-wire.ts";

export const messageTricks = ["twice", "swap", "drop", "replay"] as const;
type MessageTrick = (typeof messageTricks)[number];

/** Between clients and a broker: whole messages are repeated, put behind the next one, lost, or come again later. */
export interface EvilBroker extends EvilWire {
  readonly played: ReadonlyMap<MessageTrick, number>;
}

/** Bends one message in `oneIn`, drawn by `pick`, which returns a number below the one it is given. */
export async function startEvilBroker(
  target: { readonly host: string; readonly port: number },
  pick: (below: number) => number,
  oneIn: number,
): Promise<EvilBroker> {
  const played = new Map<MessageTrick, number>();
  const wire = await startEvilWire(target, () => {
    const bend = bender(pick, oneIn, (trick) => void played.set(trick, (played.get(trick) ?? 0) + 1));
    const split = splitter();
    return (chunk) => [...split(chunk)].flatMap((part) => [...bend(part)]);
  });
  return { ...wire, played };
}

interface Part {
  readonly bytes: Buffer;
  /** Whether it is a message through a tunnel, and not the protocol's own business. */
  readonly message: boolean;
}

const lineEnd = Buffer.from("\r\n");

/** Cuts one direction of a connection into the protocol's lines, each with its payload. */
function splitter(): (chunk: Buffer) => readonly Part[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const parts: Part[] = [];
    for (;;) {
      const end = rest.indexOf(lineEnd);
      if (end === -1) return parts;
      const words = rest.subarray(0, end).toString("latin1").split(" ");
      const message = words[0] === "MSG" || words[0] === "PUB";
      const length = end + 2 + (message ? Number(words.at(-1)) + 2 : 0);
      if (rest.length < length) return parts;
      parts.push({ bytes: rest.subarray(0, length), message: message && words[1]?.startsWith("drover.") === true });
      rest = rest.subarray(length);
    }
  };
}

function bender(pick: (below: number) => number, oneIn: number, played: (trick: MessageTrick) => void) {
  const seen: Buffer[] = [];
  const held: Buffer[] = [];
  return ({ bytes, message }: Part): readonly Buffer[] => {
    if (!message) return [bytes];
    const waiting = held.splice(0);
    if (seen.length < 200) seen.push(bytes);
    if (pick(oneIn) !== 0) return [bytes, ...waiting];
    const trick = messageTricks[pick(messageTricks.length)] ?? "drop";
    played(trick);
    switch (trick) {
      case "twice":
        return [bytes, bytes, ...waiting];
      case "swap":
        held.push(bytes);
        return waiting;
      case "drop":
        return waiting;
      case "replay":
        return [bytes, seen[pick(seen.length)] ?? bytes, ...waiting];
    }
  };
}
