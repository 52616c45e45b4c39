import type { IncomingHttpHeaders } from "node:http";

import type { Clock } from "@drover/shared/clock";
import type { Labels, Metrics } from "@drover/shared/metrics";

import type { WebhookDelivery } from "../api/backend.ts";
import { beginProof, proofHeaders, type Verdict, type Webhook } from "../source/webhook.ts";
import type { Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";

export interface WebhooksDeps {
  readonly store: Pick<Store, "source">;
  readonly events: Pick<EventLog, "append">;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** The source may have news. Is called for every delivery that is proved. */
  readonly hint: (source: string) => void;
}

/** How long nothing more is told of refused deliveries for a source. */
const quietMs = 60_000;

/**
 * Receives webhooks. Deliveries carry no time (but generic ones) and are not remembered: sending one again makes the hub
 * look once more, within the budget of the source, and can do nothing else, since nothing of it is believed.
 */
export function createWebhooks(deps: WebhooksDeps): (source: string, headers: IncomingHttpHeaders) => WebhookDelivery {
  const { store, clock } = deps;
  const received = deps.metrics.counter("drover_webhooks_total", "Webhook deliveries by what became of them");
  const tellRefusal = createRefusals(deps);
  return (name, headers) => {
    const webhook = store.source(name)?.webhook;
    const proof = beginProof(webhook, headers, clock.now());
    return {
      take: (chunk) => proof.take(chunk),
      end() {
        const verdict = proof.verdict();
        received.add(1, results[verdict]);
        if (verdict === "proved" && webhook !== undefined) {
          deps.hint(name);
          return true;
        }
        tellRefusal(webhook === undefined ? "" : name, explain(verdict, webhook));
        return false;
      },
      drop: () => received.add(1, dropped),
    };
  };
}

const dropped: Labels = { result: "dropped" };
const results: Readonly<Record<Verdict, Labels>> = {
  proved: { result: "ok" },
  unsigned: { result: "unsigned" },
  wrong: { result: "wrong" },
  late: { result: "late" },
};

/** Tells once a minute for each source, and once for all that are none: whoever sends must not fill the list of events. */
function createRefusals({ events, clock }: Pick<WebhooksDeps, "events" | "clock">) {
  const told = new Map<string, { readonly atMs: number; untold: number }>();
  return (source: string, why: string): void => {
    const now = clock.now();
    const before = told.get(source);
    if (before !== undefined && Math.abs(now - before.atMs) < quietMs) {
      before.untold += 1;
      return;
    }
    told.set(source, { atMs: now, untold: 0 });
    const more = before === undefined || before.untold === 0 ? "" : ` (and ${before.untold} before it)`;
    const what = source === "" ? "a webhook delivery" : `a webhook delivery for source ${source}`;
    events.append({ type: "webhook-refused", app: "", cluster: "", message: `${what} was refused: ${why}${more}` });
  };
}

/** For people who may read the hub's events; the sender is told none of it. */
function explain(verdict: Verdict, webhook: Webhook | undefined): string {
  if (webhook === undefined) return "it is for no source that has a webhook";
  const header = proofHeaders[webhook.forge];
  switch (verdict) {
    case "unsigned":
      return `it has no header ${header}, which ${webhook.forge} sends once it has a secret`;
    case "late":
      return `its ${header} is of another time: the sender's clock is wrong, or it was sent again`;
    default:
      return `its ${header} was not made with the secret that drover source webhook prints`;
  }
}
