import { DroverError } from "./errors.ts";
import type { Logger } from "./log.ts";

/** Something that runs for the life of a process. It returns when the signal aborts, after its own clean-up. */
export interface Service {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Runs all services; the first that ends or fails ends the others. Rejects with the first failure. Starts none when the
 * signal has aborted already: many things listen for that moment, and it would never come.
 */
export async function runAll(services: readonly Service[], signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const stop = new AbortController();
  const linked = AbortSignal.any([signal, stop.signal]);
  const runs = services.map(async (service) => {
    try {
      await service.run(linked);
    } catch (cause) {
      if (!linked.aborted) throw cause;
    } finally {
      stop.abort(new DroverError("canceled", `service ${service.name} ended`));
    }
  });
  const results = await Promise.allSettled(runs);
  for (const result of results) if (result.status === "rejected") throw DroverError.from(result.reason);
}

export interface MainOptions {
  readonly log: Logger;
  /** How long a stop may take before the process ends anyway. Default 10 s. */
  readonly graceMs?: number;
}

/** The only owner of signals and of the exit code: 0 after a stop that was asked for, 1 after a failure. */
export async function runMain(body: (signal: AbortSignal) => Promise<void>, options: MainOptions): Promise<void> {
  const stop = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    // The second signal means it: no more waiting.
    if (stop.signal.aborted) process.exit(1);
    options.log.info({ signal: name }, "stopping");
    stop.abort(new DroverError("canceled", `received ${name}`));
    setTimeout(() => process.exit(1), options.graceMs ?? 10_000).unref();
  };
  // A parent that started this process over a channel takes it along when it dies, however it dies.
  const onOrphaned = (): void => onSignal("SIGTERM");
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  process.once("disconnect", onOrphaned);
  try {
    await body(stop.signal);
    process.exitCode = 0;
  } catch (cause) {
    const error = DroverError.from(cause);
    if (!stop.signal.aborted) {
      options.log.error({ code: error.code, hint: error.hint, err: error }, "stopped by an error");
      process.exitCode = 1;
    }
  } finally {
    process.off("SIGTERM", onSignal);
    process.off("SIGINT", onSignal);
    process.off("disconnect", onOrphaned);
  }
  // Open handles of a library must not keep a stopped process alive; pino writes synchronously, so nothing is lost.
  process.exit();
}
