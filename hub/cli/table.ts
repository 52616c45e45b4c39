import { marks } from "./signs.ts";
import type { Style } from "./terminal.ts";
import { padTo, plain, truncateMiddle, widthOf } from "./text.ts";

/** One column of a table of `Row`s. Cells are plain text; colour is put on after widths are known. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly paint?: (text: string, row: Row) => string;
  /** May lose its middle when the line is too long: before all others, or when that was not enough. */
  readonly flexible?: "first" | "last";
}

const gap = "  ";
/** Below this a shortened cell says nothing any more. */
const narrowest = 8;

/** The lines of a table; headers first unless told otherwise. Lines never wrap and never end in spaces. */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  style: Style,
  options: { readonly headers: boolean } = { headers: true },
): readonly string[] {
  const cells = rows.map((row) => columns.map((column) => plain(column.cell(row))));
  const natural = columns.map((column, index) =>
    Math.max(options.headers ? widthOf(column.title) : 0, ...cells.map((line) => widthOf(line[index] ?? ""))),
  );
  const widths = fit(natural, columns, style.width);
  const { ellipsis } = marks(style);
  const cut = (text: string, index: number): string => truncateMiddle(text, widths[index] ?? 0, ellipsis);
  const join = (line: readonly string[], paint: (text: string, index: number) => string): string =>
    line
      .map((text, index) => {
        const last = index === line.length - 1;
        const short = cut(text, index);
        return paint(short, index) + (last ? "" : padTo("", (widths[index] ?? 0) - widthOf(short)));
      })
      .join(gap)
      .trimEnd();
  const header = options.headers
    ? [
        join(
          columns.map((column) => column.title),
          (text) => style.paint("bold", text),
        ),
      ]
    : [];
  const body = rows.map((row, rowIndex) =>
    join(cells[rowIndex] ?? [], (text, index) => columns[index]?.paint?.(text, row) ?? text),
  );
  return [...header, ...body];
}

/** Takes columns away from the widest flexible cells until the line fits or nothing more can go. */
function fit<Row>(natural: readonly number[], columns: readonly Column<Row>[], width: number): readonly number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, each) => sum + each, 0) + gap.length * (columns.length - 1) - width;
  for (const turn of ["first", "last"] as const) {
    while (excess > 0) {
      const widest = columns
        .map((column, index) => ({ index, width: column.flexible === turn ? (widths[index] ?? 0) : 0 }))
        .toSorted((a, b) => b.width - a.width)[0];
      if (widest === undefined || widest.width <= narrowest) break;
      widths[widest.index] = widest.width - 1;
      excess -= 1;
    }
  }
  return widths;
}
