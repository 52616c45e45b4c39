/** A plain scalar as JSON, or why it cannot be one. */
export type ScalarReading =
  | { readonly value: string | number | boolean | null }
  | { readonly code: string; readonly message: string; readonly hint?: string };

// kubectl reads YAML with go-yaml v2 (sigs.k8s.io/yaml), which follows YAML 1.1 here: `on`, `y` and `0644` are no text.
const words: ReadonlyMap<string, boolean | null> = new Map([
  ...["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"].map((word) => [word, true] as const),
  ...["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"].map((word) => [word, false] as const),
  ...["", "~", "null", "Null", "NULL"].map((word) => [word, null] as const),
]);
const notInJson = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/u;
const integer =
  /^(?<sign>[-+]?)(?:0[xX](?<hex>[0-9a-fA-F]+)|0[bB](?<binary>[01]+)|0[oO]?(?<octal>[0-7]+)|(?<decimal>0|[1-9][0-9]*))$/u;
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/u;

/** Reads an unquoted scalar without a tag as kubectl does. */
export function readPlainScalar(text: string): ScalarReading {
  const word = words.get(text);
  if (word !== undefined) return { value: word };
  if (notInJson.test(text)) {
    return { code: "not-in-json", message: `${text} is a number that JSON cannot carry`, hint: "quote it" };
  }
  if (!/^[-+.0-9]/u.test(text)) return { value: text };
  // go-yaml drops underscores from numbers, except from those that begin with a dot.
  const plain = text.startsWith(".") ? text : text.replaceAll("_", "");
  const groups = integer.exec(plain)?.groups;
  if (groups !== undefined) return readInteger(groups);
  if (!float.test(plain)) return { value: text };
  const value = Number(plain);
  // What a double cannot hold stays text.
  if (!Number.isFinite(value)) return { value: text };
  if (!/[.eE]/u.test(plain) && !Number.isSafeInteger(value)) return tooLarge;
  return { value: value === 0 ? 0 : value };
}

function readInteger(groups: Record<string, string | undefined>): ScalarReading {
  const { sign = "", hex, binary, octal, decimal = "" } = groups;
  const digits =
    hex === undefined
      ? binary === undefined
        ? octal === undefined
          ? decimal
          : `0o${octal}`
        : `0b${binary}`
      : `0x${hex}`;
  const value = Number(digits) * (sign === "-" ? -1 : 1);
  if (!Number.isSafeInteger(value)) return tooLarge;
  return { value: value === 0 ? 0 : value };
}

/** kubectl keeps 64 bits; here 53 are exact. Refusing beats changing somebody's number in silence. */
const tooLarge = {
  code: "integer-too-large",
  message: "an integer that cannot be carried exactly",
  hint: "quote it if it is an identifier",
} as const;

const core = "tag:yaml.org,2002:";

/** Reads a scalar with an explicit tag, such as `!!str 123`. */
export function readTaggedScalar(tag: string, text: string): ScalarReading {
  if (tag === `${core}str` || tag === `${core}timestamp`) return { value: text };
  if (tag === `${core}binary`) return readBinary(text);
  const reading = readPlainScalar(text);
  if (!("value" in reading)) return reading;
  const { value } = reading;
  const fits =
    (tag === `${core}int` && Number.isInteger(value)) ||
    (tag === `${core}float` && typeof value === "number") ||
    (tag === `${core}bool` && typeof value === "boolean") ||
    (tag === `${core}null` && value === null);
  if (fits) return reading;
  const known = ["int", "float", "bool", "null"].find((name) => tag === `${core}${name}`);
  return known === undefined ? unknownTag : { code: "bad-tag", message: `this value is not a !!${known}` };
}

/** Not quoted, nor is any value: it may be a password that begins with `!` and was left without quotes. */
const unknownTag = {
  code: "unknown-tag",
  message: "Kubernetes reads no tag like this",
  hint: "put the value in quotes if the ! is text",
} as const;

function readBinary(text: string): ScalarReading {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.codePointAt(0) ?? 0);
    return { value: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { code: "bad-tag", message: "this !!binary value is not text in base64" };
  }
}
