import type { Event } from "@drover/shared/api/types";
import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import { formatTime } from "../age.ts";
import { eventTarget } from "../columns.ts";
import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import type { Session } from "../session.ts";
import { collect, openSession, print, printValue, say } from "../session.ts";
import { padTo, plain } from "../text.ts";

interface EventFlags extends GlobalFlags {
  readonly watch?: boolean;
  readonly app?: string;
  readonly cluster?: string;
  readonly type?: string;
  readonly after?: string;
}

export function define(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command("events")
    .description("Show what happened, oldest first; -w goes on with what happens.")
    .option("-w, --watch", "follow until Ctrl-C; resumes by itself when the connection breaks")
    .option("--app <name>", "only of this application")
    .option("--cluster <name>", "only of this cluster")
    .option("--type <types>", "only of these types: failed,drifted")
    .option("--after <id>", "only what came after the event with this id")
    .action(async () => {
      const flags = command.optsWithGlobals<EventFlags>();
      const after = parseId(flags.after);
      const session = await openSession(terminal, flags);
      const query = {
        ...(flags.app === undefined ? {} : { app: flags.app }),
        ...(flags.cluster === undefined ? {} : { cluster: flags.cluster }),
        ...(flags.type === undefined ? {} : { type: flags.type }),
        ...(after === undefined ? {} : { after }),
      };
      await (flags.watch === true ? follow(session, query) : list(session, query));
    });
  withExamples(command, [
    ["drover events", "what the hub remembers"],
    ["drover events -w --app shop", "follow one application"],
    ["drover events -w --after 81273", "resume where you stopped"],
    ["drover events -w -o json", "one JSON object a line"],
  ]);
}

type Query = Partial<Record<"app" | "cluster" | "type", string>> & { readonly after?: number };

async function list(session: Session, query: Query): Promise<void> {
  const events = await collect(session.client.events.all(query, session.signal));
  if (session.format === "json" || session.format === "yaml") return printValue(session, { items: events });
  return print(
    session,
    events.map((event) => formatEvent(event, session)),
  );
}

async function follow(session: Session, query: Query): Promise<void> {
  let last = query.after;
  for await (const item of session.client.events.follow(query, session.signal)) {
    switch (item.kind) {
      case "event":
        last = item.event.id;
        print(session, [session.format === "json" ? JSON.stringify(item.event) : formatEvent(item.event, session)]);
        break;
      case "reset":
        say(session, "some events are gone; going on with the oldest that is left");
        break;
      case "lost":
        say(session, `${item.error.message}; connecting again`);
        break;
      case "open":
        break;
    }
  }
  if (last !== undefined) say(session, `resume: drover events -w --after ${last}`);
}

/** `disconnected`. */
const widestType = 12;

/** `10:41:07 applied  shop@prod-1  5 objects`. */
function formatEvent(event: Event, { style }: Session): string {
  const about = eventTarget(event);
  return [
    style.paint("gray", formatTime(event.at)),
    padTo(plain(event.type), widestType),
    ...(about === "" ? [] : [plain(about)]),
    plain(event.message),
  ].join(" ");
}

function parseId(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/u.test(text)) return Number(text);
  throw new DroverError("usage", `"${text}" is not the id of an event`, { hint: "ids: drover get events -o wide" });
}
