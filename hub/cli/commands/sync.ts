import type { Target } from "@drover/shared/api/types";
import { parseDuration } from "@drover/shared/duration";
import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import { joinReason } from "../columns.ts";
import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { parseTargetName } from "../names.ts";
import type { Session } from "../session.ts";
import { collect, isStructured, openSession, print, printValue, say } from "../session.ts";
import { plain } from "../text.ts";
import { waitUntil, type Missing } from "../wait.ts";

interface SyncFlags extends GlobalFlags {
  readonly wait?: boolean;
  readonly timeout: string;
  readonly confirmPrune?: boolean;
  readonly confirmPlacement?: boolean;
  readonly yes?: boolean;
}

export function define(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command("sync")
    .description("Have agents compare and apply again, or the hub fetch a repository, now instead of in its turn.")
    .argument("<what>", "app, app@cluster or source/NAME")
    .option("--wait", "wait until every target is current")
    .option("--timeout <duration>", "how long to wait", "5m")
    .option(
      "--confirm-prune",
      "let app@cluster delete what it holds back, or run a failed hook of its removal again; shows it first",
    )
    .option("--confirm-placement", "let app come to, or leave, as many clusters as it would; shows it first")
    .option("--yes", "with --confirm-prune or --confirm-placement: do it, do not only show")
    .action(async (what: string) => {
      const flags = command.optsWithGlobals<SyncFlags>();
      const timeoutMs = parseDuration(flags.timeout);
      if (timeoutMs === undefined) {
        throw new DroverError("usage", `"${flags.timeout}" is not a duration`, { hint: "write it as 30s, 5m or 1h" });
      }
      const session = await openSession(terminal, flags);
      if (flags.confirmPrune === true) await confirmPrune(session, what, flags);
      if (flags.confirmPlacement === true) await confirmPlacement(session, what, flags);
      if (what.startsWith("source/")) return syncSource(session, what.slice("source/".length), flags, timeoutMs);
      return syncTargets(session, what, flags, timeoutMs);
    });
  withExamples(command, [
    ["drover sync shop", "on every cluster"],
    ["drover sync shop@prod-1 --wait", "on one, and wait until it is current"],
    ["drover sync source/platform", "fetch the repository now"],
    ["drover sync shop@prod-1 --confirm-prune", "show the deletions that wait for a person"],
    ["drover sync shop@prod-1 --confirm-prune --yes", "and let them happen"],
    ["drover sync shop --confirm-placement --yes", "let it leave half of its clusters"],
  ]);
}

async function syncTargets(session: Session, what: string, flags: SyncFlags, timeoutMs: number): Promise<void> {
  const { client, signal } = session;
  const { targets } = what.includes("@")
    ? await client.targets.sync(parseTargetName(what), signal)
    : await client.applications.sync(what, signal);
  if (isStructured(session.format)) await printValue(session, { targets });
  else print(session, targets);
  if (flags.wait !== true) return say(session, `asked ${count(targets.length)}; see: drover get targets`);
  await waitUntil(session, { timeoutMs, what: count(targets.length) }, async () => {
    const states = await Promise.all(targets.map((target) => client.targets.get(parseTargetName(target), signal)));
    return states.filter((target) => target.state !== "current").map(missingTarget);
  });
  return say(session, `${count(targets.length)} current`);
}

/** Confirms exactly what it has shown: the hub refuses when something else is held by then. */
async function confirmPlacement(session: Session, app: string, flags: SyncFlags): Promise<void> {
  const { client, signal } = session;
  const { held } = await client.applications.get(app, signal);
  if (held.length === 0) throw new DroverError("precondition_failed", `${app} holds no change of where it runs`);
  for (const { message } of held) say(session, plain(message));
  if (flags.yes !== true) {
    throw new DroverError("precondition_failed", "nothing was confirmed", {
      hint: `if that is what you want: drover sync ${app} --confirm-placement --yes`,
    });
  }
  for (const { digest } of held) await client.applications.confirmPlacement(app, digest, signal);
}

/** Confirms exactly what it has shown: the hub and the agent refuse when something else is held by then. */
async function confirmPrune(session: Session, what: string, flags: SyncFlags): Promise<void> {
  const { client, signal } = session;
  const target = await client.targets.get(parseTargetName(what), signal);
  const { heldPrune } = target;
  if (heldPrune === undefined) throw new DroverError("precondition_failed", `${what} holds no deletions`);
  // A hook that has failed holds the removal of its application; nothing is deleted by confirming it.
  const failed = heldPrune.reason === "HookFailed";
  const held = target.items.filter((item) => (failed ? item.reason === "HookFailed" : item.apply === "held"));
  const lines = held.map(({ object, message }) => plain(`${failed ? "run" : "delete"} ${object}: ${message}`));
  if (flags.yes === true) {
    for (const line of lines) say(session, line);
    await client.targets.confirmPrune(target, { digest: heldPrune.digest }, signal);
    return;
  }
  print(session, lines);
  const [verb, noun] = failed ? ["run", "failed hooks again"] : ["delete", "objects"];
  throw new DroverError("precondition_failed", `${what} would ${verb} ${heldPrune.objects} ${noun}`, {
    hint: `if that is what you want: drover sync ${what} --confirm-prune --yes`,
  });
}

async function syncSource(session: Session, name: string, flags: SyncFlags, timeoutMs: number): Promise<void> {
  const { client, signal } = session;
  const { fetched } = await client.sources.get(name, signal);
  const asked = await client.sources.sync(name, signal);
  if (isStructured(session.format)) await printValue(session, asked);
  if (flags.wait !== true) return say(session, `asked for source/${name}; see: drover get sources`);
  const what = `source/${name}`;
  await waitUntil(session, { timeoutMs, what }, async () => {
    const source = await client.sources.get(name, signal);
    if (source.state === "failed") {
      return [{ text: `${what} is failed: ${source.reason}`, lookAt: `drover describe source ${name}` }];
    }
    // Until it was fetched again, its revision is the one of before.
    if (source.fetched <= fetched) return [{ text: `${what} has not been fetched again yet` }];
    return behind(session, name, source.revision);
  });
  return say(session, `${what} current`);
}

/** The targets of a source that are not current at its newest commit. */
async function behind({ client, signal }: Session, source: string, revision: string): Promise<readonly Missing[]> {
  const apps = await collect(client.applications.all({}, signal));
  const names = new Set(apps.filter((app) => app.source.startsWith(`${source}//`)).map((app) => app.name));
  const targets = await collect(client.targets.all({}, signal));
  return targets
    .filter((target) => names.has(target.app) && (target.state !== "current" || target.revision !== revision))
    .map(missingTarget);
}

function missingTarget(target: Target): Missing {
  const { app, cluster, state, reason, message } = target;
  const name = `${app}@${cluster}`;
  const why = joinReason(reason, message);
  const text = `${name} is ${state}${why === "" ? "" : `: ${why}`}`;
  // One that is current and has a reason is kept at an older commit.
  const stuck = state === "failed" || state === "degraded" || (state === "current" && reason !== "");
  return stuck ? { text, lookAt: `drover describe target ${name}` } : { text };
}

function count(targets: number): string {
  return targets === 1 ? "1 target" : `${targets} targets`;
}
