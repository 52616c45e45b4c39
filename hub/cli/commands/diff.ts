import type { DiffResult } from "@drover/shared/api/types";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { exitCodes } from "../exit-code.ts";
import { withExamples } from "../help.ts";
import { parseTargetName } from "../names.ts";
import { isStructured, openSession, print, printValue, say } from "../session.ts";
import { marks } from "../signs.ts";
import type { Style } from "../terminal.ts";
import { padTo, plain, widthOf } from "../text.ts";

export function define(program: Command, { terminal, setExitCode }: CommandContext): void {
  const command = program
    .command("diff")
    .description("Compare what Git wants with what lives in the cluster. Secrets are compared, never shown.")
    .argument("<target>", "app@cluster")
    .option("--exit-code", `exit with ${exitCodes.changes} when there are changes`)
    .action(async (name: string) => {
      const flags = command.optsWithGlobals<GlobalFlags & { readonly exitCode?: boolean }>();
      const target = parseTargetName(name);
      const session = await openSession(terminal, flags);
      const diff = await session.client.targets.diff(target, session.signal);
      if (flags.exitCode === true && diff.objects.length > 0) setExitCode(exitCodes.changes);
      if (isStructured(session.format)) return printValue(session, diff);
      if (session.format === "name")
        return print(
          session,
          diff.objects.map(({ object }) => object),
        );
      print(
        session,
        diff.objects.flatMap((object) => formatObject(object, session.style)),
      );
      say(session, formatRest(diff, session.asideStyle));
      if (diff.objects.length > 0) say(session, `restore Git: drover sync ${name}`);
      return undefined;
    });
  withExamples(command, [
    ["drover diff shop@prod-1", "what differs, and who changed it"],
    ["drover diff shop@prod-1 --exit-code", "for scripts: 0 same, 10 differs"],
  ]);
}

type ChangedObject = DiffResult["objects"][number];

const signs = { changed: "~", missing: "-", extra: "+" } as const;
const words = { changed: "changed", missing: "missing in the cluster", extra: "not in Git any more" } as const;
const colours = { changed: "yellow", missing: "red", extra: "green" } as const;

function formatObject({ object, state, changes }: ChangedObject, style: Style): readonly string[] {
  const { arrow, none } = marks(style);
  const width = Math.max(0, ...changes.map(({ path }) => widthOf(plain(path))));
  const lines = changes.map((change) => {
    const by = change.by === undefined ? "" : `   (by ${plain(change.by)})`;
    const values = `${plain(change.desired ?? none)} ${arrow} ${plain(change.live ?? none)}`;
    return `    ${padTo(plain(change.path), width)}  ${values}${by}`;
  });
  return [style.paint(colours[state], `${signs[state]} ${plain(object)}  ${words[state]}`), ...lines];
}

function formatRest({ identical, masked, objects }: DiffResult, style: Style): string {
  const parts = [
    ...(objects.length > 0 ? [`${objects.length} differ`] : []),
    `${identical} identical`,
    ...(masked > 0 ? [`${masked} secrets compared, not shown`] : []),
  ];
  return `= ${parts.join(marks(style).dot)}`;
}
