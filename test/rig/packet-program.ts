/** Seen from the port. */
export type Direction = "from" | "to" | "both";

export interface PacketChoice {
  readonly port: number;
  readonly direction: Direction;
  /** Of a hundred packets of the port. */
  readonly percent: number;
  readonly verdict: Verdict;
}

interface Verdict {
  /** For the packets that were drawn. */
  readonly chosen: number;
  /** For all others. */
  readonly none: number;
}

/** Of a filter with direct action: TC_ACT_SHOT, TC_ACT_UNSPEC. */
export const dropPacket: Verdict = { chosen: 2, none: 0xffff_ffff };
/** Of a filter of a queue: class 1:1, the default class. */
export const narrowQueue: Verdict = { chosen: 0x1_0001, none: 0 };

/** Loads, jumps (true, false: how many lines to skip) and the end of classic BPF. */
const [byteAt, halfAt, wordAt, isEqual, isAtLeast, end] = [48, 40, 32, 21, 53, 6];
/** SKF_AD_OFF + SKF_AD_RANDOM: a word that the kernel draws. */
const random = 0xffff_f000 + 56;
const noPort = 0x1_0000;

/** Classic BPF as `tc` takes it: asks an IPv4 packet in an Ethernet frame for its ports of TCP, and then draws. */
export function packetProgram({ port, direction, percent, verdict }: PacketChoice): string {
  const below = percent === 100 ? 0xffff_ffff : Math.floor((percent / 100) * 2 ** 32);
  const lines = [
    [halfAt, 0, 0, 12],
    [isEqual, 0, 9, 0x0800],
    [byteAt, 0, 0, 23],
    [isEqual, 0, 7, 6],
    [halfAt, 0, 0, 34],
    [isEqual, 2, 0, direction === "to" ? noPort : port],
    [halfAt, 0, 0, 36],
    [isEqual, 0, 3, direction === "from" ? noPort : port],
    [wordAt, 0, 0, random],
    [isAtLeast, 1, 0, below],
    [end, 0, 0, verdict.chosen],
    [end, 0, 0, verdict.none],
  ];
  return `${lines.length},${lines.map((line) => line.join(" ")).join(",")}`;
}
