import { DroverError } from "@drover/shared/errors";
import { onTestFinished } from "vitest";

/** Starts what runs until its signal aborts; calling what it returns ends it and waits for that. */
export function start(body: (signal: AbortSignal) => Promise<void>): () => Promise<void> {
  const controller = new AbortController();
  const done = body(controller.signal);
  return async () => {
    controller.abort(new DroverError("canceled", "the test stops it"));
    await done;
  };
}

/** Aborts when the test has ended. */
export function stopAfterTest(): AbortSignal {
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  return controller.signal;
}
