/**
 * An input that somebody wrote to do harm, and what Drover makes of it: the codes of its refusal, sorted and joined by a
 * comma, or `accepted` where it is an ordinary value with an ordinary meaning.
 */
export interface HostileInput<T = string> {
  readonly title: string;
  readonly input: T;
  readonly outcome: string;
}

export type Rows<T = string> = readonly (readonly [title: string, input: T, outcome: string])[];

export function inputs<T>(rows: Rows<T>): readonly HostileInput<T>[] {
  return rows.map(([title, input, outcome]) => ({ title, input, outcome }));
}

/** Names that mean something on every object of JavaScript. */
export const builtInKeys = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "__defineGetter__",
  "__lookupSetter__",
] as const;

/** Characters that show as nothing, as something else, or end a text for some program. */
export const strangeCharacters: Readonly<Record<string, string>> = {
  NUL: "\0",
  bell: "\u0007",
  escape: "\u001B[2J",
  delete: "\u007F",
  "carriage return": "\r",
  "line feed": "\n",
  "right-to-left override": "\u202E",
  "bidi isolate": "\u2066",
  "zero-width space": "\u200B",
  "byte order mark": "\uFEFF",
  "line separator": "\u2028",
  "next line": "\u0085",
  "lone surrogate": "\uD800",
  homoglyph: "\u0430",
};

/** How a text is written at one place, what becomes of it, and of which variants something else. */
type Place = readonly [write: (text: string) => string, outcome: string, exceptions?: Readonly<Record<string, string>>];

/** Each variant at each place where a person may write something. */
export function atPlaces(
  variants: readonly (readonly [name: string, text: string])[],
  places: Readonly<Record<string, Place>>,
): readonly HostileInput[] {
  return Object.entries(places).flatMap(([place, [write, outcome, exceptions = {}]]) =>
    variants.map(([name, text]) => ({
      title: `${name} as ${place}`,
      input: write(text),
      outcome: Object.hasOwn(exceptions, name) ? (exceptions[name] ?? "") : outcome,
    })),
  );
}
