const binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const unit = decimal.indexOf("");
const pattern = /^([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d+))?$/;

/**
 * A resource quantity in the form in which the real server stores it: the largest suffix that needs no fraction,
 * in the family (binary, decimal, exponent) that the text used. A number that has this suffix already keeps its
 * spelling (`+5`, `1E3`). Returns the text itself when it is no quantity.
 */
export function canonicalQuantity(text: string): string {
  const trimmed = text.trim();
  const match = pattern.exec(trimmed);
  const [, sign = "", whole = "", fraction = "", suffix = "", exponent] = match ?? [];
  if (match === null || whole + fraction === "") return text;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return "0";
  const number = { digits, places: -fraction.length };
  const magnitude = canonical(number, suffix, exponent);
  const power = exponent === undefined || Number(exponent) === 0 ? suffix : `e${Number(exponent)}`;
  if (fraction === "" && magnitude === `${digits}${power}`) return trimmed;
  return (sign === "-" ? "-" : "") + magnitude;
}

/** digits × 10^places */
type Decimal = { readonly digits: bigint; readonly places: number };

function canonical(number: Decimal, suffix: string, exponent: string | undefined): string {
  if (exponent !== undefined) {
    const { digits, places } = inThousands({ ...number, places: number.places + Number(exponent) });
    return places === 0 ? `${digits}` : `${digits}e${places}`;
  }
  if (suffix.endsWith("i")) {
    const bytes = { ...number, digits: number.digits * 1024n ** BigInt(binary.indexOf(suffix)) };
    return inBinary(bytes) ?? inDecimal(bytes);
  }
  return inDecimal({ ...number, places: number.places + (decimal.indexOf(suffix) - unit) * 3 });
}

/** Undefined where the real server falls back to decimal: fractions of a byte, and less than 1024. */
function inBinary({ digits, places }: Decimal): string | undefined {
  const scale = 10n ** BigInt(Math.max(0, -places));
  let bytes = places > 0 ? digits * 10n ** BigInt(places) : digits / scale;
  if ((places < 0 && digits % scale !== 0n) || bytes < 1024n) return undefined;
  let step = 0;
  while (bytes % 1024n === 0n && step < binary.length - 1) {
    bytes /= 1024n;
    step++;
  }
  return `${bytes}${binary[step] ?? ""}`;
}

function inDecimal(number: Decimal): string {
  const { digits, places } = inThousands(number);
  const suffix = decimal[places / 3 + unit];
  return suffix === undefined ? `${digits}e${places}` : `${digits}${suffix}`;
}

/** The same number with as few digits as possible and places that are a multiple of three, at least -9. */
function inThousands({ digits, places }: Decimal): Decimal {
  let [rest, exponent] = [digits, places];
  while (rest % 10n === 0n) {
    rest /= 10n;
    exponent++;
  }
  while (exponent < -9) {
    // Finer than nano is rounded up.
    rest = (rest + 9n) / 10n;
    exponent++;
  }
  while (exponent % 3 !== 0 || exponent > 18) {
    rest *= 10n;
    exponent--;
  }
  return { digits: rest, places: exponent };
}
