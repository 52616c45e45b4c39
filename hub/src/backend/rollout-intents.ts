import type { ControlRollout, Rollout as RolloutView } from "@drover/shared/api/rollouts";
import { DroverError } from "@drover/shared/errors";

import type { EventLog } from "../controllers/event-log.ts";
import type { World } from "../controllers/world.ts";
import { listNames } from "../core/list-names.ts";
import { resumeRollout } from "../core/rollout/advance.ts";
import { missingApprovals, whyNotApprove, withApproval, type Approver } from "../core/rollout/approval.ts";
import { noProgress, type Rollout, type Step } from "../core/rollout/rollout.ts";
import type { Store } from "../store/store.ts";

const shown = 100;

export function rolloutView({ rollout, phase, message, waves, failed, waiting, next }: Step): RolloutView {
  const { strategy, revision, startedAtMs } = rollout;
  const lacking = [...waiting].slice(0, shown).map(([cluster, reason]) => ({ cluster, reason }));
  const parts = { waves: waves.map((wave) => ({ ...wave })), failed: failed.slice(0, shown), waiting: lacking };
  return { strategy, revision, next: next?.revision ?? "", phase, message, started: startedAtMs, ...parts };
}

export interface ControlDeps {
  readonly store: Store;
  readonly world: World;
  readonly events: EventLog;
  /** Who asks for it. */
  readonly actor: Approver;
}

/** Durable when it returns; what is released then is the controller's to work out. */
export function controlRollout(deps: ControlDeps, app: string, control: ControlRollout): void {
  const { store, world, events, actor } = deps;
  const steps = new Map((world.rollouts.get(app) ?? []).map((step) => [step.rollout.strategy, step]));
  const { strategy } = control;
  const rollouts = store.rolloutsOf(app).filter((one) => strategy === undefined || one.strategy === strategy);
  if (rollouts.length === 0) {
    const by = strategy === undefined ? "" : ` by strategy ${strategy}`;
    throw new DroverError("precondition_failed", `nothing of ${app} has been released${by} yet`, {
      hint: "a rollout begins with the first change to a placement that names a strategy",
    });
  }
  const changed = rollouts.flatMap((rollout) => {
    const step = steps.get(rollout.strategy);
    if (control.action === "approve") return approve(rollout, step, { ...control, actor, world });
    return change(rollout, step, { ...control, actor });
  });
  if (changed.length === 0) throw nothingTo(app, control, [...steps.values()]);
  store.putRollouts(changed.map(({ rollout }) => rollout));
  for (const { rollout, what } of changed) {
    events.append({ type: "rollout", app, cluster: "", message: `${app} by strategy ${rollout.strategy}: ${what}` });
  }
}

/** Durable when it returns. */
export function confirmPlacement({ store, world, events, actor }: ControlDeps, app: string, digest: string): void {
  const held = world.application(app).wide.find((wide) => wide.digest === digest);
  if (held === undefined) {
    throw new DroverError("precondition_failed", `${app} does not hold this change any more`, {
      hint: `see what it holds now: drover describe app ${app}`,
    });
  }
  store.confirmReach(app, digest);
  events.append({
    type: "placement-confirmed",
    app,
    cluster: "",
    message: `${actor.name} confirmed that ${held.message}`,
  });
}

interface Change {
  readonly rollout: Rollout;
  /** One sentence. */
  readonly what: string;
}

type Asked = ControlRollout & Pick<ControlDeps, "actor">;

/** Nothing when it is so already. */
function change(rollout: Rollout, step: Step | undefined, { action, actor }: Asked): readonly Change[] {
  if ((action === "pause") !== (rollout.stopped === "")) return [];
  if (action === "pause") return [{ rollout: { ...rollout, stopped: "paused" }, what: `${actor.name} paused it` }];
  const failed = step?.failed ?? [];
  const seen = failed.length === 0 ? "" : `, though ${listNames(failed)} failed`;
  return [{ rollout: resumeRollout(rollout, failed), what: `${actor.name} let it go on${seen}` }];
}

/** Throws `forbidden` for whom the strategy keeps from it, and `precondition_failed` for a second yes or another revision. */
function approve(
  rollout: Rollout,
  step: Step | undefined,
  { wave, revision, actor, world }: Asked & Pick<ControlDeps, "world">,
): readonly Change[] {
  const waits = step?.phase === "AwaitingApproval" ? step.wave : undefined;
  const named = wave ?? waits;
  const asking = world.catalogs.strategy(rollout.strategy)?.waves.find(({ name }) => name === named);
  if (asking === undefined || step?.waves.some(({ name }) => name === asking.name) !== true) return [];
  const { name, approval } = asking;
  const progress = rollout.waves[name] ?? noProgress;
  if (missingApprovals(approval, progress) === 0) return [];
  checkRevision(rollout, revision);
  const no = whyNotApprove({ approval, progress }, rollout, actor);
  if (no !== undefined) {
    const hint = `have somebody else do it, who has logged in; who has so far: drover rollout show ${rollout.app}`;
    throw new DroverError(no.isTwice ? "precondition_failed" : "forbidden", no.reason, { hint });
  }
  const next = withApproval(rollout, name, actor, progress);
  const left = missingApprovals(approval, next.waves[name] ?? noProgress);
  const more = left === 0 ? "" : `; ${left} more ${left === 1 ? "has" : "have"} to`;
  return [{ rollout: next, what: `${actor.name} approved wave ${name}${more}` }];
}

/** What a person has looked at may not be what is released by now. */
function checkRevision({ app, revision }: Rollout, wanted: string | undefined): void {
  if (wanted === undefined || revision.startsWith(wanted)) return;
  const message = `${app} releases ${revision.slice(0, 12)} now, and not ${wanted.slice(0, 12)}`;
  throw new DroverError("precondition_failed", message, { hint: `see what waits: drover rollout show ${app}` });
}

function nothingTo(app: string, { action, wave }: ControlRollout, steps: readonly Step[]): DroverError {
  const hint = `see how far it is: drover rollout show ${app}`;
  if (action === "pause") return new DroverError("precondition_failed", `${app} is stopped already`, { hint });
  if (action === "resume") return new DroverError("precondition_failed", `${app} is not stopped`, { hint });
  const waves = [...new Set(steps.flatMap((step) => step.waves.map(({ name }) => name)))];
  const message =
    wave === undefined ? `no wave of ${app} waits for approval` : `${wave} is no wave that can be approved`;
  return new DroverError("precondition_failed", message, { hint: `its waves are ${waves.join(", ")}` });
}
