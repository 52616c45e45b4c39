import type { Target, TargetQuery } from "@drover/shared/api/types";

import { targetColumns } from "./columns.ts";
import type { TargetName } from "./names.ts";
import type { Session } from "./session.ts";
import { collect, print, say } from "./session.ts";
import { formatTable } from "./table.ts";

export interface WatchQuery extends Pick<TargetQuery, "app" | "cluster" | "state"> {
  /** Only these; all when there is none. */
  readonly names: readonly TargetName[];
}

/**
 * Prints the targets, then every one whose state, revision or reason changes, until Ctrl-C. The event stream says when
 * to look; what is printed is always read from the list, so nothing depends on having seen every event.
 */
export async function watchTargets(session: Session, query: WatchQuery): Promise<void> {
  const { names, ...filter } = query;
  const printed = new Map<string, string>();
  const look = async (): Promise<void> => {
    const targets = await collect(session.client.targets.all({ sort: "state", ...filter }, session.signal));
    const wanted = targets.filter((target) => names.length === 0 || names.some((name) => isTarget(target, name)));
    const changed = wanted.filter((target) => printed.get(addressOf(target)) !== faceOf(target));
    for (const target of changed) printed.set(addressOf(target), faceOf(target));
    show(session, changed, { headers: printed.size === changed.length });
  };
  await look();
  const stream = {
    ...(filter.app === undefined ? {} : { app: filter.app }),
    ...(filter.cluster === undefined ? {} : { cluster: filter.cluster }),
  };
  try {
    for await (const item of session.client.events.follow(stream, session.signal)) {
      if (item.kind === "lost") say(session, `${item.error.message}; connecting again`);
      else await look();
    }
  } catch (cause) {
    // Ctrl-C is how this ends, also in the middle of a look.
    if (!session.signal.aborted) throw cause;
  }
}

function show(session: Session, targets: readonly Target[], options: { readonly headers: boolean }): void {
  if (targets.length === 0) return;
  if (session.format === "json" || session.format === "yaml") {
    // One object a line, so that a reader can take them one by one.
    return print(
      session,
      targets.map((target) => JSON.stringify(target)),
    );
  }
  if (session.format === "name")
    return print(
      session,
      targets.map((target) => addressOf(target)),
    );
  const columns = targetColumns({
    style: session.style,
    now: session.terminal.now(),
    wide: session.format === "wide",
  });
  return print(session, formatTable(targets, columns, session.style, options));
}

function isTarget(target: Target, name: TargetName): boolean {
  return target.app === name.app && target.cluster === name.cluster;
}

function addressOf(target: Target): string {
  return `${target.app}@${target.cluster}`;
}

/** What a change of makes a line worth printing again. */
function faceOf({ state, revision, reason, message, objects }: Target): string {
  return JSON.stringify([state, revision, reason, message, objects]);
}
