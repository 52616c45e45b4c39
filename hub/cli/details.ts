import { shortRevision } from "@drover/shared/api/revision";
import type { ApplicationDetail, Cluster, SourceDetail, Target, TargetDetail } from "@drover/shared/api/types";
import type { Condition } from "@drover/shared/conditions";
import { formatDuration } from "@drover/shared/duration";
import { formatPosition } from "@drover/shared/errors";
import type { TargetState } from "@drover/shared/state";

import { formatAge } from "./age.ts";
import { joinReason, targetColumns, type Look } from "./columns.ts";
import { formatLabels } from "./names.ts";
import { marks, paintState, signOf } from "./signs.ts";
import type { Column } from "./table.ts";
import { formatTable } from "./table.ts";
import { padTo, plain } from "./text.ts";

type Fact = readonly [label: string, value: string];

export function describeCluster(cluster: Cluster, targets: readonly Target[], look: Look): readonly string[] {
  const { current, total } = cluster.applications;
  return [
    ...heading(cluster.name, cluster, look),
    ...facts(look, [
      ["labels", formatLabels(cluster.labels)],
      ["apps", `${current}/${total} current${cluster.connected ? "" : " when last seen"}`],
      ["seen", cluster.seen === 0 ? "never" : `${formatAge(cluster.seen, look.now)} ago`],
      ["agent", cluster.agentVersion],
      ["kubernetes", cluster.kubernetesVersion === "" ? "" : formatKubernetes(cluster)],
      ["runs at", formatPlace(cluster)],
      ["placements", formatSettled(cluster.settled)],
      ["cordoned", cluster.cordoned],
      ["stale", formatStale(cluster.standing.staleSince, look)],
      ["policy", formatPolicy(cluster.standing)],
      ["uid", cluster.uid],
    ]),
    ...section("targets", targetLines(targets, look)),
  ];
}

function formatKubernetes({ kubernetesVersion, nodes }: Pick<Cluster, "kubernetesVersion" | "nodes">): string {
  return `${kubernetesVersion}, ${nodes} ${nodes === 1 ? "node" : "nodes"}`;
}

function formatPlace({ provider, region }: Pick<Cluster, "provider" | "region">): string {
  return [provider, region].filter((part) => part !== "").join(", ");
}

function formatStale(since: number, look: Look): string {
  return since === 0
    ? ""
    : `no beat of the hub for ${formatAge(since, look.now)}: the agent heals, and deletes nothing`;
}

function formatPolicy({ policy, frozen }: Cluster["standing"]): string {
  return frozen ? `${policy.slice(0, 19)}, frozen: nothing new is taken, nothing deleted` : policy.slice(0, 19);
}

/** A fact that changes too often, or that the agent cannot tell any more, stays what it was for placements. */
function formatSettled(settled: Cluster["settled"]): string {
  const former = Object.entries(settled).map(([name, value]) => `${factNames[name as keyof typeof settled]} ${value}`);
  return former.length === 0 ? "" : `go by ${former.join(", ")}`;
}

const factNames = {
  agentVersion: "agent",
  kubernetesVersion: "kubernetes",
  provider: "provider",
  region: "region",
  nodes: "nodes",
} as const satisfies Record<keyof Cluster["settled"], string>;

export function describeApplication(
  application: ApplicationDetail,
  targets: readonly Target[],
  look: Look,
): readonly string[] {
  const { current, total } = application.targets;
  return [
    ...heading(application.name, application, look),
    ...facts(look, [
      ["targets", `${current}/${total} current`],
      ["revision", shortRevision(application.revision)],
      ["source", application.source],
      ["declared", application.declared],
      ["objects", String(application.objects.length)],
    ]),
    ...section("problems", problemLines(application.problems, look)),
    ...section("conditions", conditionLines(application.conditions, look)),
    ...section("targets", targetLines(targets, look)),
  ];
}

export function describeTarget(target: TargetDetail, look: Look): readonly string[] {
  return [
    ...heading(`${target.app}@${target.cluster}`, target, look),
    ...facts(look, [
      ["revision", shortRevision(target.revision)],
      ["applied", shortRevision(target.appliedRevision) || "nothing yet"],
      ["objects", `${target.objects.current}/${target.objects.total} current`],
      ["placement", target.placement],
      ["overrides", target.overrides.join(" ")],
      ["bundle", target.bundle],
      ["hops", formatHops(target.timings)],
    ]),
    ...section("conditions", conditionLines(target.conditions, look)),
    ...section("objects", formatTable(target.items, itemColumns(look), look.style)),
  ];
}

export function describeSource(source: SourceDetail, look: Look): readonly string[] {
  return [
    ...heading(source.name, source, look),
    ...facts(look, [
      ["address", source.url],
      ["credential", source.credential],
      ["ref", source.ref],
      ["version", source.version],
      ["path", source.path],
      ["revision", source.revision],
      ["fetched", source.fetched === 0 ? "never" : `${formatAge(source.fetched, look.now)} ago`],
      ["every", formatDuration(source.intervalSeconds * 1000)],
      ["apps", String(source.applications)],
      ["declared in", source.declaredIn],
      ...source.hostKeys.map((key): Fact => ["host key", key]),
      ...source.signers.map((signer): Fact => ["signed by", signer]),
    ]),
    ...section("problems", problemLines(source.problems, look)),
    ...section("conditions", conditionLines(source.conditions, look)),
  ];
}

interface Stateful {
  readonly state: TargetState;
  readonly reason: string;
  readonly message?: string;
  readonly since: number;
}

function heading(name: string, thing: Stateful, { style, now }: Look): readonly string[] {
  const age = formatAge(thing.since, now);
  const why = plain(joinReason(thing.reason, thing.message ?? ""));
  const state = paintState(thing.state, thing.state, style);
  const line = `${signOf(thing.state, style)} ${style.paint("bold", plain(name))}  ${state}${age === "" ? "" : ` for ${age}`}`;
  return [why === "" ? line : `${line}: ${why}`];
}

function facts(look: Look, entries: readonly Fact[]): readonly string[] {
  return entries
    .filter(([, value]) => value !== "")
    .map(([label, value]) => `  ${look.style.paint("gray", padTo(label, 11))} ${plain(value)}`);
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines.map((line) => `  ${line}`)];
}

function targetLines(targets: readonly Target[], look: Look): readonly string[] {
  if (targets.length === 0) return [];
  return formatTable(targets, targetColumns({ ...look, wide: false }), narrower(look));
}

function conditionLines(conditions: readonly Condition[], look: Look): readonly string[] {
  if (conditions.length === 0) return [];
  const columns: readonly Column<Condition>[] = [
    { title: "TYPE", cell: ({ type }) => type },
    { title: "STATUS", cell: ({ status }) => status },
    { title: "AGE", cell: ({ since }) => formatAge(since, look.now) },
    { title: "REASON", cell: ({ reason, message }) => joinReason(reason, message), flexible: "first" },
  ];
  return formatTable(conditions, columns, narrower(look));
}

function problemLines(problems: SourceDetail["problems"], { style }: Look): readonly string[] {
  return problems.flatMap(({ severity, code, message, at, hint }) => [
    `${style.paint(severity === "error" ? "red" : "yellow", `${severity}[${code}]`)}: ${plain(message)}`,
    ...(at === undefined ? [] : [`  at ${plain(formatPosition(at))}`]),
    ...(hint === undefined ? [] : [`  hint: ${plain(hint)}`]),
  ]);
}

function itemColumns(look: Look): readonly Column<TargetDetail["items"][number]>[] {
  return [
    { title: "OBJECT", cell: ({ object }) => object, flexible: "first" },
    { title: "APPLIED", cell: ({ apply }) => apply },
    { title: "HEALTH", cell: ({ health }) => health },
    {
      title: "REASON",
      cell: ({ reason, message, drift }) =>
        [joinReason(reason, message), drift === undefined ? "" : formatDrift(drift)].filter(Boolean).join("; ") ||
        marks(look.style).none,
      flexible: "first",
    },
  ];
}

function formatDrift(drift: NonNullable<TargetDetail["items"][number]["drift"]>): string {
  const { paths, by, repaired } = drift;
  // A drift without paths is an object that was gone.
  const what = paths.length === 0 ? "deleted from the cluster" : `${paths.join(" ")} changed by ${by || "somebody"}`;
  return `${what}${repaired ? ", repaired" : ""}`;
}

/** How long the change took from hop to hop; the clocks of hub and agent may differ, so nothing below zero is shown. */
function formatHops({ seen, assigned, received, applied, observed }: TargetDetail["timings"]): string {
  const hops: readonly Fact[] = [
    ["assigned", hop(seen, assigned)],
    ["received", hop(assigned, received)],
    ["applied", hop(received, applied)],
    ["observed", hop(applied, observed)],
  ];
  return hops
    .filter(([, value]) => value !== "")
    .map(([label, value]) => `${label} +${value}`)
    .join(" ");
}

function hop(from: number, to: number): string {
  return from === 0 || to === 0 ? "" : `${Math.max(0, to - from)}ms`;
}

/** Sections are indented by two columns. */
function narrower(look: Look): Look["style"] {
  return { ...look.style, width: look.style.width - 2 };
}
