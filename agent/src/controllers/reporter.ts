import type { Clock } from "@drover/shared/clock";
import { digestOf } from "@drover/shared/digest";
import type { AgentMessage, Report } from "@drover/shared/link/link";
import type { Service } from "@drover/shared/service";

import { buildReport, hooksUnknown } from "../core/report.ts";
import type { Acceptance } from "./acceptance.ts";
import type { State } from "./state.ts";
import { untilWoken } from "./wait.ts";

export interface ReporterOptions {
  readonly state: Pick<State, "applications" | "removedUnknown">;
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
/** A report of 10,000 objects takes a while to make: at most a twentieth of the time goes into that. */
const gapForEachMs = 19;
/** Each application may send this many reports in quick succession, and gets back one a second. */
const burst = 10;
const refillMs = 1_000;

interface Sent {
  readonly digest: string;
  /** When it was made last, and how long that took; one that says nothing new is not sent. */
  readonly at: number;
  readonly tookMs: number;
  /** What was left of the burst after this report. */
  readonly left: number;
}

export function createReporter(options: ReporterOptions): Reporter {
  const { clock } = options;
  const waiting = new Set<string>();
  const sent = new Map<string, Sent>();
  let sequence = 0;
  let wake = (): void => undefined;
  const send = (application: string): void => {
    const startedAt = clock.now();
    const report = describe(options, application);
    if (report === undefined) {
      sent.delete(application);
      return;
    }
    // Made by the same code, the same report is the same text.
    const digest = digestOf(JSON.stringify(report));
    const before = sent.get(application);
    const isNew = before?.digest !== digest;
    if (isNew) {
      sequence += 1;
      options.send({ kind: "report", report: { ...report, sequence } });
    }
    const at = clock.now();
    sent.set(application, { digest, at, tookMs: at - startedAt, left: allowance(before, at) - (isNew ? 1 : 0) });
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
          const dueAt = dueOf(sent.get(application));
          if (dueAt > clock.now()) nextAt = Math.min(nextAt, dueAt);
          else if (waiting.delete(application)) send(application);
        }
        await untilWoken(clock, nextAt - clock.now(), { signal, onWake: (call) => (wake = call) });
      }
    },
  };
}

function dueOf(last: Sent | undefined): number {
  if (last === undefined) return 0;
  return last.at + Math.max(shortestGapMs, gapForEachMs * last.tookMs, (1 - last.left) * refillMs);
}

function allowance(last: Sent | undefined, now: number): number {
  return last === undefined ? burst : Math.min(burst, last.left + (now - last.at) / refillMs);
}

/** undefined when there is nothing left to say of the application. */
function describe(options: ReporterOptions, name: string): Report | undefined {
  const { acceptance } = options;
  const { epoch, generation } = acceptance;
  const application = options.state.applications.get(name);
  const intent = acceptance.intent(name);
  const receivedAtMs = "receivedAtMs" in intent ? intent.receivedAtMs : 0;
  if (application === undefined) {
    const why = options.state.removedUnknown.has(name) ? hooksUnknown : nothingLeft;
    return intent.kind === "remove" ? removed({ name, epoch, generation, receivedAtMs, ...why }) : undefined;
  }
  const assignment = intent.kind === "run" ? intent.assignment : undefined;
  return buildReport({ application, assignment, epoch, generation, sequence: 0, receivedAtMs });
}

const nothingLeft = { reason: "Removed", message: "nothing of it is left in the cluster" } as const;

/** What a tombstone comes to in the end; said on each connection for as long as the hub keeps the tombstone. */
function removed(about: {
  readonly name: string;
  readonly epoch: string;
  readonly generation: number;
  readonly receivedAtMs: number;
  readonly reason: string;
  readonly message: string;
}): Report {
  const { name, ...said } = about;
  return {
    application: name,
    sequence: 0,
    bundle: "",
    applied: "",
    commit: "",
    phase: "removed",
    health: "Current",
    objects: [],
    appliedAtMs: 0,
    ...said,
  };
}
