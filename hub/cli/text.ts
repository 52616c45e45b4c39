import { unseen } from "@drover/shared/unseen";
import stringWidth from "string-width";

/**
 * Text from repositories and clusters as it may go to a terminal: one line, without the control characters and
 * direction marks with which it could move the cursor, colour itself or hide.
 */
export function plain(text: string): string {
  return text.replaceAll(/[\n\r\t\u2028\u2029]+/gu, " ").replaceAll(unseen, "");
}

/** What of a text may go to a screen as it is: lines and tabs, colours, and everything that is seen. */
export function forScreen(text: string): string {
  return text.replaceAll(colourOrUnseen, (match) =>
    match.length > 1 || match === "\n" || match === "\t" ? match : "",
  );
}

const colourOrUnseen = new RegExp(`\\u001B\\[[\\d;]{1,20}m|${unseen.source}`, "gu");

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

export function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** Shortens in the middle: names differ at their ends more often than inside. */
export function truncateMiddle(text: string, width: number, ellipsis: string): string {
  if (widthOf(text) <= width) return text;
  const room = width - widthOf(ellipsis);
  if (room < 0) return takeColumns(graphemes(text), width);
  const head = takeColumns(graphemes(text), Math.ceil(room / 2));
  const tail = takeColumns(graphemes(text).reverse(), room - widthOf(head));
  return `${head}${ellipsis}${graphemes(tail).reverse().join("")}`;
}

/** What a reader takes for one character may be several code points. */
function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

const segmenter = new Intl.Segmenter("en");

/** As many characters from the start as fit into the columns. */
function takeColumns(characters: readonly string[], columns: number): string {
  let taken = "";
  let width = 0;
  for (const character of characters) {
    width += widthOf(character);
    if (width > columns) break;
    taken += character;
  }
  return taken;
}
