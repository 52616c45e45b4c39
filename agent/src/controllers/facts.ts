import { DroverError } from "@drover/shared/errors";
import { textAt } from "@drover/shared/json";
import type { Service } from "@drover/shared/service";

import { mayBeReported } from "../core/health/custom-resource.ts";
import { verdictGiven, type Fact, type Verdict } from "../core/health/verdict.ts";
import { setVerdict, type ObjectRecord } from "../core/record.ts";
import { objectPath, type KubeApi, type Resource } from "../kube/api.ts";
import type { Context } from "./context.ts";
import { kindDefinitions } from "./kinds.ts";
import { untilWoken } from "./wait.ts";

/** Answers what verdicts depend on that is not in their objects: small reads, each made once in a while, when needed. */
export interface Facts extends Service {
  /** A verdict on an object of the record, settled when the answer to its question is known; else that follows by itself. */
  settle(record: Pick<ObjectRecord, "version">, verdict: Verdict): Verdict;
}

interface FactsContext extends Pick<Context, "kube" | "discovery" | "clock" | "log"> {
  readonly state: Pick<Context["state"], "applications">;
}

/** A definition or a storage class hardly ever changes in what matters here. */
const keptMs = 10 * 60_000;
/** When the server would not tell. */
const retryMs = 60_000;
/** More kinds and storage classes than a cluster has; the oldest answer goes first. */
const maxAnswers = 1_000;

/** A fact about a kind is looked for in the version that its object is in. */
interface Wanted {
  readonly fact: Fact;
  readonly version: string;
}

interface Answer {
  readonly yes: boolean;
  readonly until: number;
}

export function createFacts(context: FactsContext, changed: (application: string) => void): Facts {
  const { clock, log } = context;
  const answers = new Map<string, Answer>();
  const wanted = new Map<string, Wanted>();
  let wake = (): void => undefined;
  const lookUp = async (id: string, about: Wanted, signal: AbortSignal): Promise<void> => {
    let answer: Answer;
    try {
      answer = { yes: await ask(context, about, signal), until: clock.now() + keptMs };
    } catch (cause) {
      signal.throwIfAborted();
      log.debug({ code: DroverError.from(cause).code, about: id }, "not known what health depends on");
      answer = { yes: answers.get(id)?.yes ?? false, until: clock.now() + retryMs };
    }
    answers.delete(id);
    answers.set(id, answer);
    for (const oldest of answers.keys()) if (answers.size > maxAnswers) answers.delete(oldest);
    wanted.delete(id);
    settleAll(context, { id, answer: answer.yes, changed });
  };
  return {
    name: "facts",
    settle({ version }, verdict) {
      if (verdict.question === undefined) return verdict;
      const id = idOf(verdict.question.about);
      const known = answers.get(id);
      if (known === undefined || known.until <= clock.now()) {
        wanted.set(id, { fact: verdict.question.about, version });
        wake();
      }
      return known === undefined ? verdict : verdictGiven(verdict, known.yes);
    },
    async run(signal) {
      while (!signal.aborted) {
        for (const [id, about] of wanted) {
          await lookUp(id, about, signal).catch(() => undefined);
          if (signal.aborted) return;
        }
        await untilWoken(clock, Number.POSITIVE_INFINITY, { signal, onWake: (call) => (wake = call) });
      }
    },
  };
}

function settleAll(
  { state }: FactsContext,
  found: { readonly id: string; readonly answer: boolean; readonly changed: (application: string) => void },
): void {
  const asks = ({ verdict }: ObjectRecord): boolean =>
    verdict.question !== undefined && idOf(verdict.question.about) === found.id;
  for (const application of state.applications.values()) {
    const asking = [...application.objects.values()].filter(asks);
    for (const record of asking) setVerdict(record, verdictGiven(record.verdict, found.answer));
    if (asking.length > 0) found.changed(application.name);
  }
}

function idOf(fact: Fact): string {
  return fact.what === "binds-late" ? `${fact.what} ${fact.storageClass}` : `${fact.what} ${fact.group}/${fact.kind}`;
}

async function ask(
  { kube, discovery }: FactsContext,
  { fact, version }: Wanted,
  signal: AbortSignal,
): Promise<boolean> {
  if (fact.what === "binds-late") {
    const storageClass = await read(kube, { resource: storageClasses, name: fact.storageClass }, signal);
    return textAt(storageClass, "volumeBindingMode") === "WaitForFirstConsumer";
  }
  const resource = await discovery.find({ ...fact, version }, signal);
  if (resource === undefined) return false;
  const definition = await read(
    kube,
    { resource: kindDefinitions, name: `${resource.plural}.${resource.group}` },
    signal,
  );
  return !mayBeReported(definition);
}

const storageClasses: Resource = {
  group: "storage.k8s.io",
  version: "v1",
  kind: "StorageClass",
  plural: "storageclasses",
  namespaced: false,
};

async function read(
  kube: KubeApi,
  { resource, name }: { readonly resource: Resource; readonly name: string },
  signal: AbortSignal,
): Promise<unknown> {
  const path = objectPath(resource, { namespace: "", name });
  const answer = await kube.request({ method: "GET", path }, signal);
  if (answer.kind === "ok") return answer.body;
  throw new DroverError("api_unreachable", `the API server answered ${answer.refusal.status} to GET ${path}`);
}
