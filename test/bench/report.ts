import { cpus, totalmem } from "node:os";

/** One measured value beside what it is to reach. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: "ms" | "s" | "KiB" | "MiB" | "1/s" | "ratio" | "count" | "%";
  /** `≤ 300` or `≥ 1000`, in the same unit; absent for a figure that is only told. */
  readonly target?: { readonly most: number } | { readonly least: number };
  /** What the same run measured for the comparison, and what that is. */
  readonly reference?: { readonly name: string; readonly value: number };
}

/** Prints a table and, as the last line, one JSON object. Returns whether every target was reached. */
export function printFigures(bench: string, figures: readonly Figure[]): boolean {
  const rows = figures.map((figure) => [
    figure.name,
    `${round(figure.value)} ${figure.unit}`,
    formatTarget(figure),
    reached(figure) ? "ok" : "MISSED",
    figure.reference === undefined ? "" : `${figure.reference.name}: ${round(figure.reference.value)} ${figure.unit}`,
  ]);
  const header = ["figure", "value", "target", "", "reference"];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of [header, ...rows]) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
  const machine = { cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30), node: process.version };
  const json = figures.map((figure) => ({
    name: figure.name,
    value: round(figure.value),
    unit: figure.unit,
    target: formatTarget(figure),
    ok: reached(figure),
    ...(figure.reference === undefined ? {} : { reference: figure.reference }),
  }));
  console.log(JSON.stringify({ bench, figures: json, machine }));
  return figures.every(reached);
}

/** The value below which the share `q` of the samples lies (nearest rank). */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

function reached({ value, target }: Figure): boolean {
  if (target === undefined) return true;
  return "most" in target ? value <= target.most : value >= target.least;
}

function formatTarget({ target }: Figure): string {
  if (target === undefined) return "";
  return "most" in target ? `≤ ${target.most}` : `≥ ${target.least}`;
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
}
