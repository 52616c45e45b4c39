import type { AgentServiceClient, ConnectResponse, Welcome } from "@drover/proto/gen/drover/agent/v1/agent";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { HubMessage } from "@drover/shared/link/link";
import { pump } from "@drover/shared/link/pump";
import { fromStatus } from "@drover/shared/link/status";
import { hubMessageFromWire } from "@drover/shared/link/wire";

import type { Outbox } from "./outbox.ts";

export interface SessionOptions {
  readonly client: AgentServiceClient;
  /** Holds the hello already. */
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly established: (welcome: { readonly reportsKnown: boolean }) => void;
  readonly received: (message: HubMessage) => void;
}

/** From dialling to the hub's welcome. */
const welcomeTimeoutMs = 20_000;
const defaultPingIntervalMs = 20_000;
/** So many ping intervals without a word are silence: E65. */
const silentIntervals = 2;
/** How long the hub may take to close the stream after our goodbye. */
const goodbyeMs = 1_000;

/**
 * One Connect stream, from hello to its end. Resolves with the reason when one of the two sides said goodbye, rejects
 * with a DroverError otherwise. When the signal aborts, says goodbye with the signal's reason.
 */
export async function runSession(options: SessionOptions, signal: AbortSignal): Promise<string> {
  const call = options.client.connect();
  // The reading loop sees errors while it runs; one that comes after it must not end the process.
  call.on("error", () => undefined);
  const closed = new AbortController();
  const state: SessionState = { heardMs: options.clock.now(), pingIntervalMs: undefined, goodbye: undefined };
  const sending = pump(options.outbox.queue, call, closed.signal);
  const watching = watchSilence(options, state, closed.signal).then((silence) => {
    if (silence === undefined) return;
    state.silence = silence;
    call.cancel();
  });
  const stop = (): void => options.outbox.goodbye(reasonOf(signal));
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const finishing = sending.then(() => finish(options, call, closed.signal));
  try {
    await readAll(options, state, call);
    return state.goodbye ?? (signal.aborted ? reasonOf(signal) : "the hub closed the stream");
  } catch (cause) {
    if (signal.aborted) return reasonOf(signal);
    if (state.goodbye !== undefined) return state.goodbye;
    throw state.silence ?? fromStatus(cause);
  } finally {
    signal.removeEventListener("abort", stop);
    closed.abort(new DroverError("link_closed", "the stream is closed"));
    await Promise.all([finishing, watching]);
  }
}

interface SessionState {
  heardMs: number;
  /** Undefined until the hub's welcome. */
  pingIntervalMs: number | undefined;
  /** What the hub said when it ended the stream. */
  goodbye: string | undefined;
  silence?: DroverError;
}

type Call = ReturnType<AgentServiceClient["connect"]>;

async function readAll(options: SessionOptions, state: SessionState, call: Call): Promise<void> {
  const responses: AsyncIterable<ConnectResponse> = call;
  for await (const response of responses) {
    state.heardMs = options.clock.now();
    if (response.body?.$case === "welcome") {
      if (state.pingIntervalMs === undefined) establish(options, state, response.body.value);
    } else if (response.body?.$case === "goodbye") {
      state.goodbye = `the hub said goodbye: ${response.body.value.reason}`;
    } else {
      const message = hubMessageFromWire(response);
      if (message !== undefined) options.received(message);
    }
  }
}

function establish(options: SessionOptions, state: SessionState, welcome: Welcome): void {
  state.pingIntervalMs = welcome.pingIntervalMs === 0 ? defaultPingIntervalMs : welcome.pingIntervalMs;
  options.established({ reportsKnown: welcome.reportsKnown });
}

/**
 * Says that the agent lives, and notices when the hub no longer does: a connection whose other end vanished without a
 * word looks open for a quarter of an hour otherwise. Resolves with an error for silence, with nothing at the end.
 */
async function watchSilence(
  { clock, outbox }: SessionOptions,
  state: SessionState,
  signal: AbortSignal,
): Promise<DroverError | undefined> {
  const dialledMs = clock.now();
  const silentAtMs = (): number => {
    const { pingIntervalMs, heardMs } = state;
    return pingIntervalMs === undefined ? dialledMs + welcomeTimeoutMs : heardMs + silentIntervals * pingIntervalMs;
  };
  let pingedMs = dialledMs;
  for (;;) {
    const everyMs = state.pingIntervalMs ?? 1_000;
    try {
      await clock.sleep(Math.max(0, Math.min(pingedMs + everyMs, silentAtMs()) - clock.now()), signal);
    } catch {
      return undefined;
    }
    const now = clock.now();
    if (now >= silentAtMs()) return silence(state, now);
    if (now - pingedMs < everyMs) continue;
    if (state.pingIntervalMs !== undefined) outbox.ping();
    pingedMs = now;
  }
}

function silence({ pingIntervalMs, heardMs }: SessionState, now: number): DroverError {
  if (pingIntervalMs === undefined) return new DroverError("timeout", "the hub did not answer in time");
  const silentSeconds = Math.round((now - heardMs) / 1000);
  return new DroverError("link_closed", `the hub was not heard from for ${silentSeconds} s`);
}

/** Our side is done. The hub ends the stream then; one that does not is left after a moment. */
async function finish({ clock }: SessionOptions, call: Call, closed: AbortSignal): Promise<void> {
  if (closed.aborted) return;
  call.end();
  try {
    await clock.sleep(goodbyeMs, closed);
  } catch {
    return;
  }
  call.cancel();
}

function reasonOf(signal: AbortSignal): string {
  return signal.reason instanceof Error ? signal.reason.message : "the agent stops";
}
