const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

/** How long ago, as kubectl prints it: `34s`, `5m10s`, `3h`, `2d4h`, `400d`, `3y20d`. */
export function ageOf(since: string | null | undefined, nowMs: number): string {
  if (since === undefined || since === null) return "<unknown>";
  return formatDuration(Math.max(0, nowMs - Date.parse(since)));
}

export function formatDuration(ms: number): string {
  if (ms < 2 * minute) return `${Math.floor(ms / second)}s`;
  if (ms < 10 * minute) return pair(ms, { unit: minute, name: "m", part: second, partName: "s" });
  if (ms < 3 * hour) return `${Math.floor(ms / minute)}m`;
  if (ms < 8 * hour) return pair(ms, { unit: hour, name: "h", part: minute, partName: "m" });
  if (ms < 2 * day) return `${Math.floor(ms / hour)}h`;
  if (ms < 8 * day) return pair(ms, { unit: day, name: "d", part: hour, partName: "h" });
  if (ms < 2 * year) return `${Math.floor(ms / day)}d`;
  if (ms < 8 * year) return pair(ms, { unit: year, name: "y", part: day, partName: "d" });
  return `${Math.floor(ms / year)}y`;
}

function pair(ms: number, units: { unit: number; name: string; part: number; partName: string }): string {
  const rest = Math.floor((ms % units.unit) / units.part);
  return `${Math.floor(ms / units.unit)}${units.name}${rest === 0 ? "" : `${rest}${units.partName}`}`;
}
