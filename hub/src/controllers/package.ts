import { shortRevision } from "@drover/shared/api/revision";
import type { Clock } from "@drover/shared/clock";
import { done, type Outcome } from "@drover/shared/controller";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";

import { formatPackage, packageKey, type PackageRef } from "../core/package.ts";
import type { FetchedPackage, Packages } from "../source/published/packages.ts";
import type { EventLog } from "./event-log.ts";
import type { PackageStatus, World } from "./world.ts";

export interface PackageDeps {
  readonly world: World;
  readonly packages: Packages;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells the poller how the look went, so that it backs off from what fails. */
  readonly settled: (key: string, ok: boolean) => void;
  /** Asks for the applications whose content may be another. */
  readonly changed: (applications: Iterable<string>) => void;
}

/**
 * Looks what a reference names now, once for all applications that have it. Whatever fails, what was fetched last stays in
 * force, after a restart too.
 */
export function createPackageReconciler(deps: PackageDeps): (key: string, signal: AbortSignal) => Promise<Outcome> {
  return async (key, signal) => {
    const users = usersOf(deps.world, key);
    const [ref] = users.values();
    if (ref === undefined) {
      deps.world.packages.delete(key);
      return done;
    }
    const old = deps.world.packages.get(key);
    const status = await look(deps, ref, old, signal);
    deps.world.packages.set(key, status);
    deps.settled(key, status.failure === undefined);
    if (status.fetched !== old?.fetched || status.failure?.message !== old?.failure?.message || old === undefined) {
      deps.changed(users.keys());
    }
    return done;
  };
}

async function look(
  deps: PackageDeps,
  ref: PackageRef,
  old: PackageStatus | undefined,
  signal: AbortSignal,
): Promise<PackageStatus> {
  const { packages, clock, log } = deps;
  const seenAtMs = clock.now();
  try {
    const fetched = await packages.fetch(ref, signal);
    // The same snapshot, so that what is remembered of it goes on to count.
    if (old?.fetched?.revision === fetched.revision) return { ...old, failure: undefined };
    announce(deps, ref, fetched);
    return { fetched, seenAtMs, failure: undefined };
  } catch (cause) {
    signal.throwIfAborted();
    const { code, message, hint } = DroverError.from(cause);
    log.info({ package: formatPackage(ref), code }, "package cannot be fetched");
    const failure = { code, message: hint === undefined ? message : `${message} (${hint})` };
    if (old?.fetched !== undefined) return { ...old, failure };
    return { fetched: await packages.recall(ref), seenAtMs, failure };
  }
}

/** What applications name, by name. */
function usersOf(world: World, key: string): ReadonlyMap<string, PackageRef> {
  const users = new Map<string, PackageRef>();
  for (const [application, ref] of world.packageRefs()) if (packageKey(ref) === key) users.set(application, ref);
  return users;
}

function announce({ events, log }: PackageDeps, ref: PackageRef, { revision }: FetchedPackage): void {
  const message = `${formatPackage(ref)} ${shortRevision(revision)}`;
  events.append({ type: "package", app: "", cluster: "", message });
  log.info({ package: formatPackage(ref), revision }, "package fetched");
}
