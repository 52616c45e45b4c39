import { numberAt, recordAt, textAt, type JsonRecord } from "@drover/shared/json";
import type { ObjectHealth } from "@drover/shared/state";

import { current, outdated, progressing, verdict, type Verdict } from "./verdict.ts";

type Phases = Readonly<Record<string, ObjectHealth>>;

const applicationPhases: Phases = {
  Healthy: "Current",
  Progressing: "Progressing",
  Suspended: "Suspended",
  Degraded: "Degraded",
  Missing: "Progressing",
  Unknown: "Unknown",
};
const rolloutPhases: Phases = {
  Healthy: "Current",
  Progressing: "Progressing",
  Paused: "Suspended",
  Degraded: "Degraded",
};
const workflowPhases: Phases = {
  Succeeded: "Current",
  Pending: "Progressing",
  Running: "Progressing",
  Failed: "Failed",
  Error: "Failed",
};

export function assessArgoApplication(object: JsonRecord): Verdict {
  const health = recordAt(object, "status", "health");
  return assessPhase(applicationPhases, textAt(health, "status"), textAt(health, "message"));
}

export function assessRollout(object: JsonRecord): Verdict {
  // A Rollout writes its observed generation as a text; of old versions it is a hash.
  const observed = Number(textAt(object, "status", "observedGeneration"));
  if (observed < (numberAt(object, "metadata", "generation") ?? 0)) return outdated;
  return assessPhase(rolloutPhases, textAt(object, "status", "phase"), textAt(object, "status", "message"));
}

export function assessWorkflow(object: JsonRecord): Verdict {
  return assessPhase(workflowPhases, textAt(object, "status", "phase"), textAt(object, "status", "message"));
}

function assessPhase(phases: Phases, phase: string | undefined, message = ""): Verdict {
  if (phase === undefined || phase === "") return progressing("NotObserved", "its controller has not seen it yet");
  const health = Object.hasOwn(phases, phase) ? phases[phase] : undefined;
  return health === "Current" ? current : verdict(health ?? "Unknown", phase, message);
}
