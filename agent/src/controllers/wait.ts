import type { Clock } from "@drover/shared/clock";

const longestMs = 3_600_000;
/** Made once: it is thrown at every wake, and nobody sees it. */
const wokenUp = new Error("woken");

/** Waits for the time, for a call of what `onWake` was handed, or for the end, whichever comes first. Never rejects. */
export async function untilWoken(
  clock: Clock,
  ms: number,
  { signal, onWake }: { readonly signal: AbortSignal; readonly onWake: (call: () => void) => void },
): Promise<void> {
  const woken = new AbortController();
  const wake = (): void => woken.abort(wokenUp);
  onWake(wake);
  signal.addEventListener("abort", wake, { once: true });
  if (signal.aborted) wake();
  await clock.sleep(Math.min(longestMs, Math.max(0, ms)), woken.signal).catch(() => undefined);
  signal.removeEventListener("abort", wake);
}
