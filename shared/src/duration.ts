const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** `4s`, `14m`, `3d`: one number and its largest unit, because only the size matters. */
export function formatDuration(ms: number): string {
  for (const [unit, size] of units) if (ms >= size) return `${Math.floor(ms / size)}${unit}`;
  return "0s";
}

export const durationPattern = /^\s*(?<number>\d+(?:\.\d+)?)(?<unit>ms|s|m|h|d)?\s*$/u;

/** `500ms`, `30s`, `15m`, `2h`, `1d`, in ms; a bare number is seconds. Undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  const match = durationPattern.exec(text)?.groups;
  if (match === undefined) return undefined;
  const size = match["unit"] === "ms" ? 1 : (units.find(([unit]) => unit === match["unit"])?.[1] ?? 1000);
  return Number(match["number"]) * size;
}
