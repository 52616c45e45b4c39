import type { ConnectRequest } from "@drover/proto/gen/drover/agent/v1/agent";
import type { Report } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { expect, it } from "vitest";

import { Outbox } from "./outbox.ts";

function report(application: string, sequence: number): Report {
  return {
    application,
    sequence,
    epoch: "e",
    generation: 1,
    bundle: "",
    applied: "",
    commit: "",
    phase: "applied",
    health: "Current",
    reason: "",
    message: "",
    objects: [],
    receivedAtMs: 0,
    appliedAtMs: 0,
  };
}

async function drain(outbox: Outbox): Promise<ConnectRequest[]> {
  const requests: ConnectRequest[] = [];
  outbox.queue.close();
  for await (const request of outbox.queue) requests.push(request);
  return requests;
}

it("keeps the newest report of each application and the newest acknowledgement", async () => {
  const outbox = new Outbox(silentLog);
  for (let sequence = 1; sequence <= 1_000; sequence += 1) {
    outbox.put({ kind: "report", report: report(`app-${sequence % 2}`, sequence) });
    outbox.put({ kind: "acknowledgement", acknowledgement: { epoch: "e", generation: sequence } });
    outbox.ping();
  }
  const requests = await drain(outbox);
  expect(requests).toHaveLength(4);
  expect(requests).toMatchObject([
    { body: { $case: "report", value: { sequence: 999n } } },
    { body: { $case: "acknowledgement", value: { generation: 1_000n } } },
    { body: { $case: "ping" } },
    { body: { $case: "report", value: { sequence: 1_000n } } },
  ]);
});

it("keeps a bounded number of answers", async () => {
  const outbox = new Outbox(silentLog);
  for (let id = 0; id < 1_000; id += 1) {
    outbox.put({ kind: "inspection", inspection: { id: String(id), result: Buffer.from("{}") } });
  }
  expect((await drain(outbox)).length).toBeLessThan(100);
});

it("says that an answer is too large instead of sending it", async () => {
  const outbox = new Outbox(silentLog);
  outbox.put({ kind: "inspection", inspection: { id: "1", result: Buffer.alloc(4 * 1024 * 1024) } });
  expect(await drain(outbox)).toMatchObject([
    { body: { value: { id: "1", answer: { $case: "error", value: { code: "input_too_large" } } } } },
  ]);
});

it("takes nothing after its goodbye", async () => {
  const outbox = new Outbox(silentLog);
  outbox.goodbye("stopping");
  outbox.put({ kind: "report", report: report("web", 1) });
  expect(await drain(outbox)).toMatchObject([{ body: { $case: "goodbye" } }]);
});
