import { styleText } from "node:util";

import { forScreen } from "./text.ts";

/** Where a command writes. A stream that is no terminal has neither columns nor rows. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** Whatever a command writes to a screen moves no cursor and hides nothing; what goes to a file or a pipe stays as it is. */
export function onScreen(sink: Sink): Sink {
  if (sink.isTTY !== true) return sink;
  return {
    write: (text) => sink.write(forScreen(text)),
    isTTY: true,
    get columns() {
      return sink.columns;
    },
    get rows() {
      return sink.rows;
    },
  };
}

/** Everything of the outside world that commands touch, so that tests can be that world. */
export interface Terminal {
  /** Data and nothing else. */
  readonly stdout: Sink;
  /** Errors, hints, totals, progress. */
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Ms since the epoch. */
  readonly now: () => number;
  readonly readStdin: () => Promise<string>;
  /** Shows an address to the person, if there is a way to. */
  readonly openBrowser: (address: string) => void;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** How text may look on a terminal. */
export interface Style {
  readonly unicode: boolean;
  readonly paint: (colour: Colour, text: string) => string;
  /** Columns that a line may take; infinite when nobody is there to see it wrap. */
  readonly width: number;
  /** Lines that fit on the screen; infinite likewise. */
  readonly height: number;
}

export type Colour = "red" | "yellow" | "green" | "cyan" | "magenta" | "gray" | "bold";

export interface StyleFlags {
  readonly ascii?: boolean | undefined;
}

/** FORCE_COLOR over NO_COLOR over what the stream is; Unicode only where the locale says that it is understood. */
export function styleOf(terminal: Terminal, sink: Sink, flags: StyleFlags = {}): Style {
  const { env } = terminal;
  const colour = wantsColour(env, sink.isTTY === true);
  return {
    unicode: flags.ascii !== true && isUtf8(env),
    paint: (name, text) => (colour ? styleText(name, text, { validateStream: false }) : text),
    width: (sink.isTTY === true ? sink.columns : undefined) ?? positive(env["COLUMNS"]) ?? Number.POSITIVE_INFINITY,
    height: (sink.isTTY === true ? sink.rows : undefined) ?? Number.POSITIVE_INFINITY,
  };
}

function wantsColour(env: Terminal["env"], isTerminal: boolean): boolean {
  const force = env["FORCE_COLOR"];
  if (force !== undefined && force !== "") return force !== "0" && force !== "false";
  // https://no-color.org: set and not empty, whatever the value.
  if ((env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb") return false;
  return isTerminal;
}

/** POSIX: LC_ALL over LC_CTYPE over LANG, where empty means unset. */
function isUtf8(env: Terminal["env"]): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => (value ?? "") !== "");
  return /utf-?8/iu.test(locale ?? "");
}

function positive(text: string | undefined): number | undefined {
  const number = Number.parseInt(text ?? "", 10);
  return number > 0 ? number : undefined;
}
