import { DroverError } from "@drover/shared/errors";
import { nearest } from "@drover/shared/nearest";
import { compareStates, type TargetState } from "@drover/shared/state";
import type { Command } from "commander";

import {
  applicationColumns,
  clusterColumns,
  eventColumns,
  sourceColumns,
  targetColumns,
  type Look,
} from "../columns.ts";
import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { parseTargetName } from "../names.ts";
import type { Session } from "../session.ts";
import { collect, isStructured, openSession, print, printValue, say } from "../session.ts";
import type { Column } from "../table.ts";
import { formatTable } from "../table.ts";
import { formatTotals } from "../totals.ts";

interface GetFlags extends GlobalFlags {
  readonly selector?: string;
  readonly state?: string;
  readonly app?: string;
  readonly cluster?: string;
  readonly headers: boolean;
  readonly all?: boolean;
  readonly watch?: boolean;
}

export function define(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command("get")
    .description("List clusters, apps, targets, sources or events; the worst first.")
    .argument("<kind>", "clusters, apps, targets, sources or events")
    .argument("[names...]", "only these")
    .option("-l, --selector <labels>", "only clusters with these labels: env=prod,tier in (gold,silver),!legacy")
    .option("--state <states>", "only these states: failed,degraded")
    .option("--app <name>", "only targets of this application")
    .option("--cluster <name>", "only targets on this cluster")
    .option("--no-headers", "leave out headers and totals")
    .option("--all", "show every row, however many are fine")
    .option("-w, --watch", "go on with every target that changes")
    .action(async (kind: string, names: string[]) => {
      const flags = command.optsWithGlobals<GetFlags>();
      const listing = findListing(kind);
      refuseOtherFilters(flags, listing);
      const session = await openSession(terminal, flags);
      if (flags.watch === true) {
        const { watchTargets } = await import("../watch-targets.ts");
        if (listing.noun !== "target") throw new DroverError("usage", "only targets can be watched");
        await watchTargets(session, { ...filters(flags), names: names.map((name) => parseTargetName(name)) });
        return;
      }
      await listing.show(session, flags, names);
    });
  withExamples(command, [
    ["drover get clusters -l env=prod", "clusters by label"],
    ["drover get apps", "applications and where they stand"],
    ["drover get targets --state failed,degraded", "what needs somebody"],
    ["drover get targets shop@prod-1 -o json", "for scripts"],
    ["drover get targets -w", "go on with what changes"],
  ]);
}

type Filter = "selector" | "state" | "app" | "cluster";

interface Listing {
  readonly noun: string;
  readonly filters: readonly Filter[];
  readonly show: (session: Session, flags: GetFlags, names: readonly string[]) => Promise<void>;
}

/** How one kind of thing is listed. */
interface Kind<Row> {
  readonly noun: string;
  readonly filters: readonly Filter[];
  readonly columns: (look: Look) => readonly Column<Row>[];
  readonly all: (session: Session, flags: GetFlags) => AsyncIterable<Row>;
  readonly one: (session: Session, name: string) => Promise<Row>;
  readonly nameOf: (row: Row) => string;
}

const listings: Readonly<Record<string, Listing>> = {
  clusters: listingOf({
    noun: "cluster",
    filters: ["selector", "state"],
    columns: clusterColumns,
    all: ({ client, signal }, flags) => client.clusters.all({ ...stateOf(flags), ...selectorOf(flags) }, signal),
    one: ({ client, signal }, name) => client.clusters.get(name, signal),
    nameOf: (cluster) => cluster.name,
  }),
  apps: listingOf({
    noun: "app",
    filters: ["state"],
    columns: applicationColumns,
    all: ({ client, signal }, flags) => client.applications.all(stateOf(flags), signal),
    one: ({ client, signal }, name) => client.applications.get(name, signal),
    nameOf: (application) => application.name,
  }),
  targets: listingOf({
    noun: "target",
    filters: ["state", "app", "cluster"],
    columns: targetColumns,
    all: ({ client, signal }, flags) => client.targets.all(filters(flags), signal),
    one: ({ client, signal }, name) => client.targets.get(parseTargetName(name), signal),
    nameOf: ({ app, cluster }) => `${app}@${cluster}`,
  }),
  sources: listingOf({
    noun: "source",
    filters: ["state"],
    columns: sourceColumns,
    all: ({ client, signal }, flags) => client.sources.all(stateOf(flags), signal),
    one: ({ client, signal }, name) => client.sources.get(name, signal),
    nameOf: (source) => source.name,
  }),
  events: { noun: "event", filters: ["app", "cluster"], show: showEvents },
};

const aliases: Readonly<Record<string, string>> = {
  cluster: "clusters",
  app: "apps",
  application: "apps",
  applications: "apps",
  target: "targets",
  source: "sources",
  event: "events",
};

function findListing(kind: string): Listing {
  const listing = listings[aliases[kind] ?? kind];
  if (listing !== undefined) return listing;
  const meant = nearest(kind, Object.keys(listings));
  throw new DroverError("usage", `there is nothing called "${kind}"`, {
    hint: meant === undefined ? `lists: ${Object.keys(listings).join(" ")}` : `did you mean ${meant}?`,
  });
}

/** A filter that is quietly left out would show more than was asked for. */
function refuseOtherFilters(flags: GetFlags, { noun, filters }: Listing): void {
  for (const filter of ["selector", "state", "app", "cluster"] as const) {
    if (flags[filter] === undefined || filters.includes(filter)) continue;
    throw new DroverError("usage", `${noun}s cannot be chosen with --${filter}`, {
      hint: `they can with ${filters.map((name) => `--${name}`).join(", ")}`,
    });
  }
}

function listingOf<Row extends { readonly state: TargetState }>(kind: Kind<Row>): Listing {
  return {
    noun: kind.noun,
    filters: kind.filters,
    async show(session, flags, names) {
      const rows =
        names.length > 0
          ? await Promise.all(names.map((name) => kind.one(session, name)))
          : await collect(kind.all(session, flags));
      rows.sort((a, b) => compareStates(a.state, b.state) || (kind.nameOf(a) < kind.nameOf(b) ? -1 : 1));
      if (isStructured(session.format)) return printValue(session, { items: rows });
      if (session.format === "name")
        return print(
          session,
          rows.map((row) => kind.nameOf(row)),
        );
      const look = { style: session.style, now: session.terminal.now(), wide: session.format === "wide" };
      const shown = flags.all === true ? rows : collapse(rows, look.style.height);
      print(session, formatTable(shown, kind.columns(look), look.style, { headers: flags.headers && rows.length > 0 }));
      if (!flags.headers) return;
      const fine = rows.length - shown.length;
      if (fine > 0) say(session, `${fine} more are current (--all lists them)`);
      say(
        session,
        formatTotals(
          rows.map((row) => row.state),
          kind.noun,
          session.asideStyle,
        ),
      );
      const worst = rows[0];
      if (worst !== undefined && !unremarkable.has(worst.state)) {
        say(session, `next: drover describe ${kind.noun} ${kind.nameOf(worst)}`);
      }
    },
  };
}

/** States in which nobody has to look: what is well, and what is on its way or was told to wait. */
const unremarkable: ReadonlySet<TargetState> = new Set(["current", "progressing", "pending", "paused", "deleting"]);

/** When the rows do not fit on the screen, those that are fine go. */
function collapse<Row extends { readonly state: TargetState }>(rows: readonly Row[], height: number): readonly Row[] {
  const room = height - 5;
  if (rows.length <= room) return rows;
  const interesting = rows.filter((row) => row.state !== "current");
  return interesting.length === 0 ? rows : interesting;
}

async function showEvents(session: Session, flags: GetFlags): Promise<void> {
  const query = { ...optional("app", flags.app), ...optional("cluster", flags.cluster) };
  const events = await collect(session.client.events.all(query, session.signal));
  if (isStructured(session.format)) return printValue(session, { items: events });
  if (session.format === "name")
    return print(
      session,
      events.map((event) => String(event.id)),
    );
  const look = { style: session.style, now: session.terminal.now(), wide: session.format === "wide" };
  return print(session, formatTable(events, eventColumns(look), session.style, { headers: flags.headers }));
}

function filters(flags: GetFlags) {
  return { ...stateOf(flags), ...optional("app", flags.app), ...optional("cluster", flags.cluster) };
}

function stateOf(flags: GetFlags) {
  return optional("state", flags.state);
}

function selectorOf(flags: GetFlags) {
  return optional("labelSelector", flags.selector);
}

function optional<K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> {
  // A computed key widens to `string` in TypeScript; the object has this one key.
  return value === undefined ? {} : ({ [key]: value } as Record<K, string>);
}
