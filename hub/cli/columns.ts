import type { Credential } from "@drover/shared/api/credential";
import { shortRevision } from "@drover/shared/api/revision";
import type { Application, Cluster, Event, Source, Target } from "@drover/shared/api/types";
import { formatDuration } from "@drover/shared/duration";
import type { TargetState } from "@drover/shared/state";

import { formatAge, formatTime } from "./age.ts";
import { formatLabels } from "./names.ts";
import { marks, paintState, signOf } from "./signs.ts";
import type { Column } from "./table.ts";
import type { Style } from "./terminal.ts";

/** How a table is to be made. */
export interface Look {
  readonly style: Style;
  /** Ms since the epoch. */
  readonly now: number;
  readonly wide: boolean;
}

export function clusterColumns(look: Look): readonly Column<Cluster>[] {
  const none = marks(look.style).none;
  return [
    ...stateColumns<Cluster>(look, (cluster) => cluster.name, "NAME"),
    {
      title: "APPS",
      // What an agent that is gone said last is not known to hold.
      cell: ({ applications, connected }) => `${applications.current}/${applications.total}${connected ? "" : "?"}`,
    },
    { title: "DRIFT", cell: ({ drifted, connected }) => (connected ? String(drifted) : none) },
    { title: "SEEN", cell: ({ seen }) => formatAge(seen, look.now) || "never" },
    { title: "AGENT", cell: ({ agentVersion }) => agentVersion || none },
    ...onlyWide<Cluster>(look, [
      { title: "KUBERNETES", cell: ({ kubernetesVersion }) => kubernetesVersion || none },
      { title: "NODES", cell: ({ nodes }) => String(nodes) },
      { title: "PROVIDER", cell: ({ provider }) => provider || none },
      { title: "REGION", cell: ({ region }) => region || none },
      { title: "UID", cell: ({ uid }) => uid || none },
    ]),
    { title: "LABELS", cell: ({ labels }) => formatLabels(labels) || none, flexible: "first" },
    { title: "REASON", cell: ({ reason }) => reason, flexible: "first" },
  ];
}

export function applicationColumns(look: Look): readonly Column<Application>[] {
  const none = marks(look.style).none;
  return [
    ...stateColumns<Application>(look, (application) => application.name, "NAME"),
    { title: "CURRENT", cell: ({ targets }) => `${targets.current}/${targets.total}` },
    { title: "REVISION", cell: ({ revision }) => shortRevision(revision) || none },
    { title: "AGE", cell: ({ since }) => formatAge(since, look.now) },
    { title: "SOURCE", cell: ({ source }) => source, flexible: "first" },
    ...onlyWide<Application>(look, [{ title: "DECLARED", cell: ({ declared }) => declared, flexible: "first" }]),
    { title: "REASON", cell: ({ reason }) => reason, flexible: "first" },
  ];
}

export function targetColumns(look: Look): readonly Column<Target>[] {
  const none = marks(look.style).none;
  return [
    ...stateColumns<Target>(look, ({ app, cluster }) => `${app}@${cluster}`, "TARGET"),
    {
      title: "OBJECTS",
      cell: ({ objects, state }) => `${objects.current}/${objects.total}${state === "offline" ? "?" : ""}`,
    },
    { title: "REVISION", cell: ({ revision }) => shortRevision(revision) || none },
    ...onlyWide<Target>(look, [
      { title: "APPLIED", cell: ({ appliedRevision }) => shortRevision(appliedRevision) || none },
      { title: "DRIFT", cell: ({ drifted }) => String(drifted) },
      { title: "BUNDLE", cell: ({ bundle }) => bundle.replace("sha256:", "").slice(0, 12) || none },
    ]),
    { title: "AGE", cell: ({ since }) => formatAge(since, look.now) },
    { title: "REASON", cell: ({ reason, message }) => joinReason(reason, message), flexible: "first" },
  ];
}

export function sourceColumns(look: Look): readonly Column<Source>[] {
  const none = marks(look.style).none;
  return [
    ...stateColumns<Source>(look, (source) => source.name, "NAME"),
    { title: "APPS", cell: ({ applications }) => String(applications) },
    { title: "REVISION", cell: ({ ref, revision }) => (revision === "" ? none : `${ref}@${shortRevision(revision)}`) },
    { title: "FETCHED", cell: ({ fetched }) => formatAge(fetched, look.now) || "never" },
    { title: "EVERY", cell: ({ intervalSeconds }) => formatDuration(intervalSeconds * 1000) },
    { title: "ADDRESS", cell: ({ url, path }) => (path === "" ? url : `${url}//${path}`), flexible: "first" },
    { title: "REASON", cell: ({ reason }) => reason, flexible: "first" },
  ];
}

export function credentialColumns(look: Look): readonly Column<Credential>[] {
  const none = marks(look.style).none;
  return [
    ...stateColumns<Credential>(look, (credential) => credential.name, "NAME"),
    { title: "PARTS", cell: ({ parts }) => parts.join(" ") },
    { title: "AGE", cell: ({ since }) => formatAge(since, look.now) },
    { title: "EXPIRES", cell: ({ expires }) => (expires === 0 ? none : new Date(expires).toISOString().slice(0, 10)) },
    { title: "FOR", cell: (credential) => credential.for, flexible: "last" },
    { title: "USED BY", cell: ({ usedBy }) => usedBy.join(" ") || none, flexible: "first" },
  ];
}

export function eventColumns(look: Look): readonly Column<Event>[] {
  return [
    ...onlyWide<Event>(look, [{ title: "ID", cell: ({ id }) => String(id) }]),
    { title: "TIME", cell: ({ at }) => formatTime(at), paint: (text) => look.style.paint("gray", text) },
    { title: "TYPE", cell: ({ type }) => type },
    { title: "TARGET", cell: (event) => eventTarget(event) || marks(look.style).none },
    { title: "MESSAGE", cell: ({ message }) => message, flexible: "first" },
  ];
}

/** What an event is about: a target, an application, a cluster, or nothing in particular. */
export function eventTarget({ app, cluster }: Pick<Event, "app" | "cluster">): string {
  return app !== "" && cluster !== "" ? `${app}@${cluster}` : app || cluster;
}

export function joinReason(reason: string, message: string): string {
  return [reason, message].filter((part) => part !== "").join(": ");
}

function stateColumns<Row extends { readonly state: TargetState; readonly since: number }>(
  look: Look,
  name: (row: Row) => string,
  title: string,
): readonly Column<Row>[] {
  const colourless: Style = { ...look.style, paint: (_colour, text) => text };
  return [
    {
      title: "",
      cell: ({ state }) => signOf(state, colourless),
      paint: (text, row) => paintState(row.state, text, look.style),
    },
    // What people copy into the next command: shortened last.
    { title, cell: name, flexible: "last" },
    {
      title: "STATE",
      // How long it has been silent is what matters about something that is offline.
      cell: ({ state, since }) => (state === "offline" ? `${state} ${formatAge(since, look.now)}`.trimEnd() : state),
      paint: (text, row) => paintState(row.state, text, look.style),
    },
  ];
}

function onlyWide<Row>(look: Look, columns: readonly Column<Row>[]): readonly Column<Row>[] {
  return look.wide ? columns : [];
}
