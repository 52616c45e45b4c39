import { setTimeout as pause } from "node:timers/promises";

/** Looks again until the look does not throw; after `timeoutMs` the last error is the answer. Works outside of vitest. */
export async function eventually<T>(
  look: () => Promise<T>,
  { timeoutMs, intervalMs }: { readonly timeoutMs: number; readonly intervalMs: number },
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await look();
    } catch (cause) {
      if (performance.now() > deadline) throw cause;
    }
    await pause(intervalMs);
  }
}
