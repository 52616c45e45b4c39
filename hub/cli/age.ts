import { formatDuration } from "@drover/shared/duration";

/** `4s`, `14m`, `3d`: one number and its largest unit, because only the size matters. Empty for "never". */
export function formatAge(sinceMs: number, nowMs: number): string {
  if (sinceMs <= 0) return "";
  return formatDuration(Math.max(0, nowMs - sinceMs));
}

/** `10:41:07` in the terminal's time zone. */
export function formatTime(atMs: number): string {
  const at = new Date(atMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
