import { canonicalJson } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { runAll, type Service } from "@drover/shared/service";
import type { HealthRule } from "@drover/shared/sync-options";

import { assess } from "../core/health/index.ts";
import type { Assess as AssessKind, Kind, Verdict } from "../core/health/verdict.ts";
import type { Assess, Context } from "./context.ts";
import { createFacts } from "./facts.ts";
import { untilWoken } from "./wait.ts";

/** Tells the health of live objects: by the rules of their applications, else by those that are built in. */
export interface Health extends Service {
  readonly assess: Assess;
  /** To be called when assignments changed: their rules may have. */
  update(): void;
}

type HealthContext = Pick<Context, "acceptance" | "kube" | "discovery" | "state" | "clock" | "log">;

interface HealthOptions {
  /** What is to be reported has changed. */
  readonly changed: (application: string) => void;
  /** Looks at every object of the kinds again. */
  readonly relist: (signal: AbortSignal, isWanted: (kind: Kind) => boolean) => Promise<void>;
}

/** Rules of one application by kind; undefined while the language they are written in is being loaded. */
type Rules = ReadonlyMap<string, AssessKind | undefined>;

interface Known {
  /** JSON of the rules, to tell whether they changed. */
  readonly source: string;
  readonly rules: Rules;
}

const retryMs = 2_000;

export function createHealth(context: HealthContext, { changed, relist }: HealthOptions): Health {
  const facts = createFacts(context, changed);
  const rules = createRules(context, relist);
  return {
    name: "health",
    update: rules.update,
    assess(application, record, object) {
      const assessByRule = rules.find(application, record.key);
      return facts.settle(record, assessByRule?.(object) ?? assess(record.key, object));
    },
    run: (signal) => runAll([facts, rules], signal),
  };
}

interface RuleService extends Service {
  /** The rule that an application has for a kind. */
  find(application: string, kind: Kind): AssessKind | undefined;
  update(): void;
}

function createRules(context: HealthContext, relist: HealthOptions["relist"]): RuleService {
  const { acceptance, clock, log } = context;
  const known = new Map<string, Known>();
  /** Kinds whose objects were judged by rules that have changed since. */
  const outdated = new Set<string>();
  let compileRule: ((rule: HealthRule) => AssessKind) | undefined;
  let wake = (): void => undefined;
  const take = (application: string, list: readonly HealthRule[]): void => {
    const before = known.get(application);
    if (before === undefined && list.length === 0) return;
    const source = canonicalJson(list);
    const isCompiled = compileRule !== undefined;
    if (before?.source === source && (!isCompiled || [...before.rules.values()].every((rule) => rule !== undefined)))
      return;
    // Of two rules for a kind the later one counts.
    const rules = new Map(list.map((rule) => [idOf(rule), compileRule?.(rule)]));
    for (const id of [...(before?.rules.keys() ?? []), ...rules.keys()]) outdated.add(id);
    if (list.length === 0) known.delete(application);
    else known.set(application, { source, rules });
  };
  const update = (): void => {
    for (const application of new Set([...acceptance.names(), ...known.keys()])) {
      const intent = acceptance.intent(application);
      const isAssigned = intent.kind === "run" || intent.kind === "keep";
      take(application, isAssigned ? intent.assignment.sync.healthRules : []);
    }
    if (outdated.size > 0) wake();
  };
  return {
    name: "health rules",
    update,
    find(application, kind) {
      const rules = known.get(application)?.rules;
      const id = rules === undefined ? "" : idOf(kind);
      return rules?.has(id) === true ? (rules.get(id) ?? (() => loading)) : undefined;
    },
    async run(signal) {
      update();
      while (!signal.aborted) {
        let waitMs = Number.POSITIVE_INFINITY;
        if (outdated.size > 0) {
          try {
            // Most agents never need it.
            ({ compileRule } = await import("../core/health/rule.ts"));
            update();
            const kinds = new Set(outdated);
            outdated.clear();
            await relist(signal, (kind) => kinds.has(idOf(kind)));
            if (outdated.size > 0) continue;
          } catch (cause) {
            log.warn({ code: DroverError.from(cause).code }, "health rules could not be taken up");
            waitMs = retryMs;
          }
        }
        await untilWoken(clock, waitMs, { signal, onWake: (call) => (wake = call) });
      }
    },
  };
}

const loading: Verdict = { health: "Unknown", reason: "NotObserved", message: "its health rule is being loaded" };

function idOf({ group, kind }: Kind): string {
  return `${group}/${kind}`;
}
