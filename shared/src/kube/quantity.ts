const suffixes: Readonly<Record<string, readonly [base: bigint, exponent: number]>> = {
  n: [10n, -9],
  u: [10n, -6],
  m: [10n, -3],
  "": [10n, 0],
  k: [10n, 3],
  M: [10n, 6],
  G: [10n, 9],
  T: [10n, 12],
  P: [10n, 15],
  E: [10n, 18],
  Ki: [2n, 10],
  Mi: [2n, 20],
  Gi: [2n, 30],
  Ti: [2n, 40],
  Pi: [2n, 50],
  Ei: [2n, 60],
};

const pattern =
  /^(?<sign>[+-]?)(?<whole>\d{1,40})?(?:\.(?<fraction>\d{0,40}))?(?:(?<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?<exponent>[+-]?\d{1,3}))?$/u;

/** Whether two values name the same amount (`1000m` and `1`, `1Gi` and `1024Mi`), as Kubernetes' Quantity reads them. */
export function equalQuantities(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  const [a, b] = [parseQuantity(left), parseQuantity(right)];
  return a !== undefined && b !== undefined && a === b;
}

/** The amount in units of 10⁻⁶⁰: a bigint, so that equality is exact. undefined for what is no quantity. */
function parseQuantity(value: unknown): bigint | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const { sign, whole = "", fraction = "", suffix = "", exponent } = pattern.exec(String(value))?.groups ?? {};
  if (whole === "" && fraction === "") return undefined;
  const [base, power] = exponent === undefined ? (suffixes[suffix] ?? [10n, 0]) : [10n, Number(exponent)];
  const digits = BigInt(whole + fraction) * (sign === "-" ? -1n : 1n);
  if (base === 2n) return digits * 2n ** BigInt(power) * 10n ** BigInt(60 - fraction.length);
  const scale = 60 - fraction.length + power;
  return scale < 0 ? undefined : digits * 10n ** BigInt(scale);
}
