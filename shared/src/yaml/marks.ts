/** Where things are written, as offsets into the text: a scalar's place, or a container's with those of its parts. */
export type Mark = number | { readonly offset: number; readonly parts: ReadonlyMap<string | number, Mark> };

/** The place of what is at the path, or of its nearest parent that exists. */
export function findMark(mark: Mark, path: readonly (string | number)[]): number {
  let current = mark;
  for (const key of path) {
    const next = typeof current === "number" ? undefined : current.parts.get(key);
    if (next === undefined) break;
    current = next;
  }
  return typeof current === "number" ? current : current.offset;
}

/** Turns offsets into lines and columns in logarithmic time. */
export class LineIndex {
  readonly #starts: readonly number[];

  constructor(text: string) {
    const starts = [0];
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
    this.#starts = starts;
  }

  /** Both count from 1; the column counts UTF-16 units. */
  at(offset: number): { readonly line: number; readonly column: number } {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? Number.POSITIVE_INFINITY) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }
}
