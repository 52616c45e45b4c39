import type { Clock } from "@drover/shared/clock";
import { canonicalJson, digestOf } from "@drover/shared/digest";
import type { AgentMessage, Report } from "@drover/shared/link/link";
import type { Service } from "@drover/shared/service";

import { buildReport } from "../core/report.ts";
import type { Acceptance } from "./acceptance.ts";
import type { State } from "./state.ts";
import { untilWoken } from "./wait.ts";

export interface ReporterOptions {
  readonly state: Pick<State, "applications">;
  readonly acceptance: Pick<Acceptance, "epoch" | "generation" | "intent" | "names">;
  readonly send: (message: AgentMessage) => void;
  readonly clock: Clock;
}

/** Tells the hub how each application is, always the whole: at once when it changes, less often when it changes fast. */
export interface Reporter extends Service {
  changed(application: string): void;
  /** Sends everything again, as after a new connection: the hub may have lost what it knew. */
  resend(): void;
}

const shortestGapMs = 100;
/** An application that has used up this many reports in ten seconds gets one a second. */
const burst = 20;
const burstMs = 10_000;
const flappingGapMs = 1_000;

interface Sent {
  readonly digest: string;
  /** When the last reports were sent; at most `burst`. */
  readonly times: readonly number[];
}

export function createReporter(options: ReporterOptions): Reporter {
  const { clock } = options;
  const waiting = new Set<string>();
  const sent = new Map<string, Sent>();
  let sequence = 0;
  let wake = (): void => undefined;
  const send = (application: string): void => {
    const report = describe(options, application);
    if (report === undefined) {
      sent.delete(application);
      return;
    }
    const digest = digestOf(canonicalJson(report));
    const before = sent.get(application);
    if (before?.digest === digest) return;
    sequence += 1;
    options.send({ kind: "report", report: { ...report, sequence } });
    const times = [...(before?.times ?? []), clock.now()].slice(-burst);
    sent.set(application, { digest, times });
  };
  return {
    name: "reporter",
    changed(application) {
      waiting.add(application);
      wake();
    },
    resend() {
      sent.clear();
      for (const name of options.state.applications.keys()) waiting.add(name);
      for (const name of options.acceptance.names()) waiting.add(name);
      wake();
    },
    async run(signal) {
      while (!signal.aborted) {
        let nextAt = Number.POSITIVE_INFINITY;
        for (const application of waiting) {
          const dueAt = dueOf(sent.get(application)?.times ?? []);
          if (dueAt > clock.now()) nextAt = Math.min(nextAt, dueAt);
          else if (waiting.delete(application)) send(application);
        }
        await untilWoken(clock, nextAt - clock.now(), { signal, onWake: (call) => (wake = call) });
      }
    },
  };
}

function dueOf(times: readonly number[]): number {
  const last = times.at(-1);
  if (last === undefined) return 0;
  const first = times[0] ?? last;
  const flapping = times.length === burst && last - first < burstMs;
  return last + (flapping ? flappingGapMs : shortestGapMs);
}

/** undefined when there is nothing left to say of the application. */
function describe(options: ReporterOptions, name: string): Report | undefined {
  const { acceptance } = options;
  const { epoch, generation } = acceptance;
  const application = options.state.applications.get(name);
  const intent = acceptance.intent(name);
  const receivedAtMs = "receivedAtMs" in intent ? intent.receivedAtMs : 0;
  if (application === undefined) {
    return intent.kind === "remove" ? removed({ name, epoch, generation, receivedAtMs }) : undefined;
  }
  const assignment = intent.kind === "run" ? intent.assignment : undefined;
  return buildReport({ application, assignment, epoch, generation, sequence: 0, receivedAtMs });
}

/** What a tombstone comes to in the end; said on each connection for as long as the hub keeps the tombstone. */
function removed(about: {
  readonly name: string;
  readonly epoch: string;
  readonly generation: number;
  readonly receivedAtMs: number;
}): Report {
  const { name, epoch, generation, receivedAtMs } = about;
  return {
    application: name,
    sequence: 0,
    epoch,
    generation,
    bundle: "",
    applied: "",
    commit: "",
    phase: "removed",
    health: "Current",
    reason: "Removed",
    message: "nothing of it is left in the cluster",
    objects: [],
    receivedAtMs,
    appliedAtMs: 0,
  };
}
