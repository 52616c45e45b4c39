/** A commit or a tag as it was signed. */
export interface SignedObject {
  /** Exactly the bytes that a signature is for. */
  readonly payload: Uint8Array;
  /** Armored, as they stand in the object: none when it is not signed, and more than one in no object that Git wrote. */
  readonly signatures: readonly string[];
}

/** Of the object in SHA-1, and of its twin in a repository that has both: neither was there when it was signed. */
const signatureHeaders: ReadonlySet<string> = new Set(["gpgsig", "gpgsig-sha256"]);
const armorStart = /^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE)-----\r?$/u;
const text = new TextDecoder("utf-8", { ignoreBOM: true });
const newline = 10;
const space = 32;
const letterG = 103;
const dash = 45;

/** A commit holds its signature in a header, which is left out of what is signed. */
export function splitCommit(raw: Uint8Array): SignedObject {
  const kept: Uint8Array[] = [];
  const signatures: string[][] = [];
  /** The signature that a line with a blank in front goes on with. */
  let signature: string[] | undefined;
  let isLeftOut = false;
  let at = 0;
  while (at < raw.length && raw[at] !== newline) {
    const end = endOfLine(raw, at);
    const line = raw.subarray(at, end);
    at = end;
    if (line[0] !== space) {
      const [header = "", ...value] = line[0] === letterG ? asText(line).split(" ") : [];
      isLeftOut = signatureHeaders.has(header);
      signature = header === "gpgsig" ? [value.join(" ")] : undefined;
      if (signature !== undefined) signatures.push(signature);
    } else signature?.push(asText(line.subarray(1)));
    if (!isLeftOut) kept.push(line);
  }
  return { payload: join([...kept, raw.subarray(at)]), signatures: signatures.map((lines) => lines.join("")) };
}

/** A tag ends with its signature: what is before the last line that begins one is signed. */
export function splitTag(raw: Uint8Array): SignedObject {
  let start: number | undefined;
  for (let at = 0; at < raw.length; at = endOfLine(raw, at)) {
    if (raw[at] !== dash) continue;
    // No longer line begins a signature.
    const line = raw.subarray(at, Math.min(endOfLine(raw, at), at + 64));
    if (armorStart.test(asText(line).replace(/\n$/u, ""))) start = at;
  }
  const { payload } = splitCommit(raw.subarray(0, start));
  return { payload, signatures: start === undefined ? [] : [asText(raw.subarray(start))] };
}

/** The object that a tag names. */
export function taggedObject(raw: Uint8Array): string | undefined {
  return /^object ([0-9a-f]{40})\n/u.exec(asText(raw.subarray(0, 64)))?.[1];
}

function endOfLine(raw: Uint8Array, from: number): number {
  const end = raw.indexOf(newline, from);
  return end < 0 ? raw.length : end + 1;
}

/** Signatures and names of headers are ASCII; what is not makes no signature. */
function asText(bytes: Uint8Array): string {
  return text.decode(bytes);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
