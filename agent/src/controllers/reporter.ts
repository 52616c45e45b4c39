import type { Clock } from "@drover/shared/clock";
import { digestOf, type Digest } from "@drover/shared/digest";
import type { AgentMessage, Report, Welcome } from "@drover/shared/link/link";
import { digestOfReports } from "@drover/shared/link/reported";
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
  /** Of this process, and secret: what is said of objects must not be guessed from its digest. */
  readonly salt: string;
}

/** Tells the hub how each application is, always the whole: at once when it changes, less often when it changes fast. */
export interface Reporter extends Service {
  changed(application: string): void;
  /** What the reports come to as they are now: what a connection is opened with. */
  introduce(): Digest;
  /** A connection is open: sends what the hub does not have, which is everything unless it has what was introduced. */
  connected(welcome: Welcome): void;
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
  /** What the newest connection was opened with. */
  let introduced: ReadonlyMap<string, Digest> = new Map();
  let sequence = 0;
  let wake = (): void => undefined;
  const send = (application: string): void => {
    const startedAt = clock.now();
    const report = describe(options, application);
    if (report === undefined) {
      sent.delete(application);
      return;
    }
    const digest = newsOf(report, options.salt);
    const before = sent.get(application);
    const isNew = before?.digest !== digest;
    if (isNew) {
      sequence += 1;
      options.send({ kind: "report", report: { ...report, sequence, digest } });
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
    introduce() {
      introduced = new Map(
        applicationsOf(options).flatMap((name) => {
          const report = describe(options, name);
          return report === undefined ? [] : [[name, newsOf(report, options.salt)]];
        }),
      );
      return digestOfReports(introduced);
    },
    connected({ reportsKnown }) {
      sent.clear();
      if (reportsKnown)
        for (const [name, digest] of introduced) sent.set(name, { digest, at: 0, tookMs: 0, left: burst });
      for (const name of applicationsOf(options)) waiting.add(name);
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

/**
 * What stands for a report: made by the same code, the same report is the same text. A change of one application brings a generation to all of them, which is no news of the others: a fleet would report
 * twenty applications for one that changed. What is said of a removal counts for the generation that it was said of.
 */
function newsOf(report: Report, salt: string): Digest {
  const { epoch, generation, ...news } = report;
  const isRemoval = report.phase === "removing" || report.phase === "removed";
  return digestOf(salt + JSON.stringify(isRemoval ? { ...news, epoch, generation } : news));
}

function applicationsOf({ state, acceptance }: ReporterOptions): readonly string[] {
  return [...new Set([...state.applications.keys(), ...acceptance.names()])];
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
