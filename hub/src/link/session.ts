import type { ConnectResponse } from "@drover/proto/gen/drover/agent/v1/agent";
import { Coalescer } from "@drover/shared/coalesce";
import { DroverError } from "@drover/shared/errors";
import { type HubMessage, maxHubMessageBytes, maxWaitingInspects } from "@drover/shared/link/link";
import { type MessageSink, pump } from "@drover/shared/link/pump";
import { hubMessageToWire } from "@drover/shared/link/wire";

/** How a session came to its end, as the handler is told. */
export interface SessionEnd {
  readonly graceful: boolean;
  readonly reason: string;
}

/** What is left for a message beside the bytes that it carries. */
const envelopeBytes = 1024;

/** One open Connect stream of one cluster. What waits for a slow reader is bounded by the kinds of messages. */
export class Session {
  readonly cluster: string;
  readonly openedMs: number;
  /** When the agent last said anything. */
  heardMs: number;
  /** Ends the connection below the stream, for an agent that does not read the end of the stream. */
  readonly destroy: () => void;
  readonly #outbox = new Coalescer<string, ConnectResponse>();
  #end: SessionEnd | undefined;

  constructor(cluster: string, nowMs: number, destroy: () => void) {
    this.cluster = cluster;
    this.openedMs = nowMs;
    this.heardMs = nowMs;
    this.destroy = destroy;
  }

  /** Undefined while the session lives. */
  get ended(): SessionEnd | undefined {
    return this.#end;
  }

  /** Said again before it left, it is said as the last one. */
  welcome(value: { readonly pingIntervalMs: number; readonly reportsKnown: boolean }): void {
    this.#outbox.put("welcome", { body: { $case: "welcome", value } });
  }

  pong(): void {
    this.#outbox.put("pong", { body: { $case: "pong", value: {} } });
  }

  /** As `HubLink.send`. */
  send(message: HubMessage): boolean {
    if (this.#end !== undefined) return false;
    if (message.kind === "inspect") {
      if (this.#outbox.size >= maxWaitingInspects) return false;
      this.#outbox.put(`inspect ${message.inspect.id}`, hubMessageToWire(message));
      return true;
    }
    const { byteLength } = message.signed.payload;
    if (byteLength > maxHubMessageBytes - envelopeBytes) {
      const text = `${message.kind} of cluster ${this.cluster} have ${byteLength} bytes, more than one message may have`;
      throw new DroverError("input_too_large", text);
    }
    this.#outbox.put(message.kind, hubMessageToWire(message));
    return true;
  }

  /** Says goodbye after what waits already. Only the first end counts. */
  end(end: SessionEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    if (!end.graceful) this.#outbox.put("goodbye", { body: { $case: "goodbye", value: { reason: end.reason } } });
    this.#outbox.close();
  }

  /** Resolves when the last message went out, or with the signal. */
  async deliver(sink: MessageSink<ConnectResponse>, signal: AbortSignal): Promise<void> {
    await pump(this.#outbox, sink, signal);
  }
}
