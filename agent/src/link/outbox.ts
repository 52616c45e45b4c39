import { ConnectRequest } from "@drover/proto/gen/drover/agent/v1/agent";
import { Coalescer } from "@drover/shared/coalesce";
import {
  type AgentMessage,
  type Inspection,
  maxAgentMessageBytes,
  maxWaitingInspects,
  type Report,
} from "@drover/shared/link/link";
import { agentMessageToWire } from "@drover/shared/link/wire";
import type { Logger } from "@drover/shared/log";

/** Beyond this a report is not worth a cut: what is left out is healthy, for the worst come first. */
const reportBytes = maxAgentMessageBytes - 64 * 1024;

/** What waits on one connection: the newest report of each application, the newest acknowledgement, a few answers. */
export class Outbox {
  readonly queue = new Coalescer<string, ConnectRequest>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  put(message: AgentMessage): void {
    switch (message.kind) {
      case "report":
        return this.queue.put(`report ${message.report.application}`, this.#fitReport(message.report));
      case "inspection":
        return this.#putInspection(message.inspection);
      default:
        return this.queue.put(message.kind, agentMessageToWire(message));
    }
  }

  ping(): void {
    this.queue.put("ping", { body: { $case: "ping", value: {} } });
  }

  goodbye(reason: string): void {
    this.queue.put("goodbye", { body: { $case: "goodbye", value: { reason } } });
    this.queue.close();
  }

  /** The hub would end the connection over a message that is too large, and over the same one again on the next. */
  #fitReport(report: Report): ConnectRequest {
    for (let kept = report.objects.length; ; kept = Math.floor(kept / 2)) {
      const request = agentMessageToWire({
        kind: "report",
        report: { ...report, objects: report.objects.slice(0, kept) },
      });
      if (boundOf(report, kept) <= reportBytes || sizeOf(request) <= reportBytes) return request;
      this.#log.warn(
        { application: report.application, objects: kept },
        "report is too large, healthy objects left out",
      );
    }
  }

  #putInspection(inspection: Inspection): void {
    // As many as the hub lets wait; an answer beyond was given up by whoever asked.
    if (this.queue.size > 2 * maxWaitingInspects && inspection.result !== undefined) return;
    const tooLarge = (inspection.result?.byteLength ?? 0) > reportBytes;
    const error = { code: "input_too_large", message: "the answer is larger than one message may be" };
    const answer: Inspection = tooLarge ? { id: inspection.id, error } : inspection;
    this.queue.put(`inspection ${inspection.id}`, agentMessageToWire({ kind: "inspection", inspection: answer }));
  }
}

/** More than the report's objects can take on the wire: to encode them only to see how many bytes come of it takes long. */
function boundOf({ objects }: Report, kept: number): number {
  let bytes = 16 * 1024;
  for (const { key, version, reason, message, drift } of objects.slice(0, kept)) {
    const words = [key.group, key.kind, key.namespace, key.name, version, reason, message, drift?.by ?? ""];
    // Of UTF-16 each unit takes at most three bytes of UTF-8.
    bytes += 128 + 3 * [...words, ...(drift?.paths ?? [])].reduce((sum, word) => sum + word.length + 2, 0);
  }
  return bytes;
}

function sizeOf(request: ConnectRequest): number {
  return ConnectRequest.encode(request).finish().byteLength;
}
