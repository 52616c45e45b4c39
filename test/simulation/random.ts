/** A source of chance that a seed repeats exactly. */
export interface Chance {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [from, to]. */
  between(from: number, to: number): number;
  /** True with this probability. */
  hit(probability: number): boolean;
  pick<T>(values: readonly T[]): T | undefined;
  /** Lower-case hex. */
  hex(length: number): string;
  uuid(): string;
  /** An independent source: what is drawn from it shifts nothing here. */
  fork(name: string): Chance;
}

/** mulberry32: 32 bits of state are enough for a history of some thousand draws, and it is a few nanoseconds a draw. */
export function createChance(seed: number, name = ""): Chance {
  let state = mix(seed, name);
  const next = (): number => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  const hex = (length: number): string => Array.from({ length }, () => Math.floor(next() * 16).toString(16)).join("");
  return {
    next,
    between,
    hit: (probability) => next() < probability,
    pick: (values) => values[Math.floor(next() * values.length)],
    hex,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
    fork: (child) => createChance(seed, `${name}/${child}`),
  };
}

/** FNV-1a over the name, begun with the seed. */
function mix(seed: number, name: string): number {
  let hash = (0x81_1c_9d_c5 ^ seed) | 0;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01_00_01_93);
  return hash;
}
