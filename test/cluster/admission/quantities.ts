import { isRecord, type JsonRecord } from "../json.ts";
import type { TypeSchema } from "../schema/schema.ts";

const pattern = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/u;
const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const decimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const nanoDigits = 9;
const unitInNanos = 10n ** 9n;

/**
 * The one form in which a quantity is stored: no fraction, the largest suffix that keeps it whole (`1000m` is `1`,
 * `0.5Gi` is `512Mi`). What is no quantity is returned as it is.
 */
export function canonicalQuantity(text: string): string {
  const match = pattern.exec(text.trim());
  const [, sign = "", whole = "", fraction = "", suffix = ""] = match ?? [];
  if (match === null || (whole === "" && fraction === "")) return text;
  const nanos = nanosOf(whole, fraction, suffix);
  const negative = sign === "-" && nanos !== 0n ? "-" : "";
  const binary = binarySuffixes.indexOf(suffix);
  // Below 1024 a binary quantity is written like a decimal one.
  const isBinary = binary > 0 && nanos >= 1024n * unitInNanos;
  if (/^[eE]/u.test(suffix)) return `${negative}${exponentForm(nanos)}`;
  return `${negative}${isBinary ? binaryForm(nanos) : decimalForm(nanos)}`;
}

/** Brings every quantity of an owned value into canonical form; numbers become texts. */
export function canonicalizeQuantities(record: JsonRecord, schema: TypeSchema): void {
  if (schema.kind !== "map") return;
  for (const key of Object.keys(record)) {
    const field = schema.fields.get(key) ?? schema.additional;
    if (field !== undefined) record[key] = canonicalValue(record[key], field);
  }
}

function canonicalValue(value: unknown, schema: TypeSchema): unknown {
  if (schema.kind === "scalar") {
    const isQuantity = schema.type === "quantity" && (typeof value === "string" || typeof value === "number");
    return isQuantity ? canonicalQuantity(String(value)) : value;
  }
  if (schema.kind === "list" && Array.isArray(value))
    return value.map((item: unknown) => canonicalValue(item, schema.items));
  if (isRecord(value)) canonicalizeQuantities(value, schema);
  return value;
}

/** The magnitude in units of 10⁻⁹, rounded up as the real server does. */
function nanosOf(whole: string, fraction: string, suffix: string): bigint {
  const digits = BigInt(whole + fraction);
  const binary = binarySuffixes.indexOf(suffix);
  const exponent =
    /^[eE]/u.test(suffix) && suffix.length > 1 ? Number(suffix.slice(1)) : binary > 0 ? 0 : decimalExponent(suffix);
  const scaled = digits * (binary > 0 ? 1024n ** BigInt(binary) : 1n);
  const shift = nanoDigits + exponent - fraction.length;
  if (shift >= 0) return scaled * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return (scaled + divisor - 1n) / divisor;
}

function decimalExponent(suffix: string): number {
  return (decimalSuffixes.indexOf(suffix) - decimalSuffixes.indexOf("")) * 3;
}

function binaryForm(nanos: bigint): string {
  if (nanos % unitInNanos !== 0n) return decimalForm(nanos);
  let value = nanos / unitInNanos;
  let step = 0;
  while (value % 1024n === 0n && step < binarySuffixes.length - 1) {
    value /= 1024n;
    step += 1;
  }
  return `${value}${binarySuffixes[step] ?? ""}`;
}

function decimalForm(nanos: bigint): string {
  if (nanos === 0n) return "0";
  let value = nanos;
  let step = 0;
  while (value % 1000n === 0n && step < decimalSuffixes.length - 1) {
    value /= 1000n;
    step += 1;
  }
  return `${value}${decimalSuffixes[step] ?? ""}`;
}

function exponentForm(nanos: bigint): string {
  if (nanos === 0n) return "0";
  let value = nanos;
  let exponent = -nanoDigits;
  while (value % 1000n === 0n) {
    value /= 1000n;
    exponent += 3;
  }
  return exponent === 0 ? String(value) : `${value}e${exponent}`;
}
