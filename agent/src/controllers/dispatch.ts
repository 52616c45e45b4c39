import { DroverError } from "@drover/shared/errors";
import type { Service } from "@drover/shared/service";

import { Frontier } from "../core/frontier.ts";
import { isApplied, type ApplicationRecord, type ObjectRecord } from "../core/record.ts";
import { troubleOfError } from "../kube/trouble.ts";
import { applyRecord, hold } from "./apply.ts";
import { placeRecord } from "./bundle.ts";
import { actingFor, type Context } from "./context.ts";
import { untilServed } from "./kinds.ts";

/** Applies objects, each as soon as its own turn comes, without anybody waiting for all of them. */
export interface Dispatcher extends Service {
  /** Takes in objects that are to be applied; those that are under way already stay so. */
  dispatch(application: ApplicationRecord, due: readonly ObjectRecord[]): void;
  /** Whether anything of the application is under way. */
  isBusy(application: ApplicationRecord): boolean;
}

export interface DispatcherOptions {
  readonly context: Context;
  /** The records have changed: what is watched and what is reported may have to as well. */
  readonly changed: (application: string) => void;
}

/** What a round over an application works with. */
export interface RoundOptions extends DispatcherOptions {
  readonly dispatcher: Pick<Dispatcher, "dispatch" | "isBusy">;
}

/** Of one application, so that a large one leaves room for the repairs of others. */
const atOnce = 16;
/** How often the records of a long apply are looked at while it goes on. */
const progressMs = 1_000;

/** What is under way for one application. */
interface Run {
  readonly application: ApplicationRecord;
  readonly frontier: Frontier<ObjectRecord>;
  readonly startable: ObjectRecord[];
  working: number;
  toldAtMs: number;
  /** Whether the application as a whole has to be looked at when all has ended. */
  unsettled: boolean;
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return new Runs(options);
}

class Runs implements Dispatcher {
  readonly name = "dispatcher";
  readonly #context: Context;
  readonly #changed: (application: string) => void;
  readonly #runs = new Map<string, Run>();
  readonly #lifetime = new AbortController();
  #emptied = (): void => undefined;

  constructor({ context, changed }: DispatcherOptions) {
    this.#context = context;
    this.#changed = changed;
  }

  isBusy({ name }: ApplicationRecord): boolean {
    return this.#runs.has(name);
  }

  dispatch(application: ApplicationRecord, due: readonly ObjectRecord[]): void {
    if (due.length === 0 || this.#lifetime.signal.aborted) return;
    const run = this.#runs.get(application.name) ?? {
      application,
      frontier: new Frontier<ObjectRecord>(),
      startable: [],
      working: 0,
      toldAtMs: this.#context.clock.now(),
      unsettled: false,
    };
    this.#runs.set(application.name, run);
    const startable = run.frontier.add(due);
    // What is there and was changed comes before what is new.
    const isRepair = (record: ObjectRecord): boolean => record.applied === record.desired;
    run.unsettled ||= !due.every(isRepair);
    run.startable.unshift(...startable.filter(isRepair));
    run.startable.push(...startable.filter((record) => !isRepair(record)));
    this.#fill(run);
  }

  async run(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#emptied = (): void => {
        if (signal.aborted && this.#runs.size === 0) resolve();
      };
      const abort = (): void => {
        this.#lifetime.abort(signal.reason);
        this.#emptied();
      };
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
  }

  #fill(run: Run): void {
    const { signal } = this.#lifetime;
    while (run.working < atOnce && !signal.aborted) {
      const record = run.startable.shift();
      if (record === undefined) break;
      run.working += 1;
      void this.#work(run, record).finally(() => {
        run.working -= 1;
        this.#fill(run);
      });
    }
    if (run.working === 0 && (run.startable.length === 0 || signal.aborted)) this.#end(run);
  }

  #end({ application, unsettled }: Run): void {
    const { name, phase, shape, savedShape } = application;
    if (!this.#runs.delete(name)) return;
    const { state, wake } = this.#context;
    if (unsettled || phase !== "applied" || shape !== savedShape) wake(name);
    else {
      // All is as it was before the drift, which a look at every object would only find out.
      state.touch(application);
      this.#changed(name);
    }
    this.#emptied();
  }

  async #work(run: Run, record: ObjectRecord): Promise<void> {
    const { signal } = this.#lifetime;
    await this.#attempt(run, record).catch((cause: unknown) => this.#fail(run, record, cause));
    run.unsettled ||= !isApplied(record);
    run.startable.push(...run.frontier.tried(record));
    this.#fill(run);
    // Only the objects of its kind wait for this.
    if (record.order.defines !== "" && isApplied(record))
      await untilServed(actingFor(this.#context, run.application), record, signal);
    run.startable.push(...run.frontier.done(record));
    this.#tell(run);
  }

  async #attempt({ application, frontier, startable }: Run, record: ObjectRecord): Promise<void> {
    const { signal } = this.#lifetime;
    const acting = actingFor(this.#context, application);
    const placed = await placeRecord(this.#context, { application, record }, signal);
    // It belongs elsewhere than it said, and has its own turn there.
    if (placed !== record) startable.push(...frontier.add([placed]));
    else await this.#context.limit(() => applyRecord(acting, { application, record }, signal));
  }

  #fail({ application }: Run, record: ObjectRecord, cause: unknown): void {
    if (this.#lifetime.signal.aborted) return;
    const error = DroverError.from(cause);
    // What the bundle consists of is on the disk no more, so it has to be taken in from the start.
    if (error.code === "blob_missing") application.bundle = "";
    hold(this.#context, record, troubleOfError(error));
  }

  /** A long apply shows how far it is; a short one is told of once it has ended. */
  #tell(run: Run): void {
    const now = this.#context.clock.now();
    if (now - run.toldAtMs < progressMs) return;
    run.toldAtMs = now;
    this.#changed(run.application.name);
  }
}
