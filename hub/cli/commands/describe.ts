import { DroverError } from "@drover/shared/errors";
import { nearest } from "@drover/shared/nearest";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { describeApplication, describeCluster, describeSource, describeTarget } from "../details.ts";
import { withExamples } from "../help.ts";
import { parseTargetName, type TargetName } from "../names.ts";
import type { Session } from "../session.ts";
import { isStructured, openSession, print, printValue } from "../session.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command("describe")
    .description("Show all that is known of one thing, and why it is in the state it is in.")
    .argument("<kind>", "cluster, app, target or source")
    .argument("<name>")
    .action(async (kind: string, name: string) => {
      const describe = findDescription(kind);
      const session = await openSession(terminal, command.optsWithGlobals<GlobalFlags>());
      await describe(session, name);
    });
  withExamples(command, [
    ["drover describe target shop@prod-1", "objects, overrides, conditions"],
    ["drover describe app shop", "where it goes, and what is wrong with it"],
    ["drover describe cluster prod-1 -o yaml", "everything, for scripts"],
  ]);
}

type Description = (session: Session, name: string) => Promise<void>;

const descriptions: Readonly<Record<string, Description>> = {
  cluster: async (session, name) => {
    const { client, signal } = session;
    const cluster = await client.clusters.get(name, signal);
    const { items: targets } = await client.targets.list({ cluster: name, sort: "state", limit: 500 }, signal);
    return show(session, cluster, (look) => describeCluster(cluster, targets, look));
  },
  app: async (session, name) => {
    const { client, signal } = session;
    const application = await client.applications.get(name, signal);
    const { items: targets } = await client.targets.list({ app: name, sort: "state", limit: 500 }, signal);
    return show(session, application, (look) => describeApplication(application, targets, look));
  },
  target: async (session, name) => {
    const target = await session.client.targets.get(parseTargetName(name), session.signal);
    return show(session, target, (look) => describeTarget(target, look));
  },
  source: async (session, name) => {
    const source = await session.client.sources.get(name.replace(/^source\//u, ""), session.signal);
    return show(session, source, (look) => describeSource(source, look));
  },
};

function findDescription(kind: string): Description {
  const singular = kind.replace(/^application/u, "app").replace(/s$/u, "");
  const description = descriptions[singular];
  if (description !== undefined) return description;
  const meant = nearest(singular, Object.keys(descriptions));
  throw new DroverError("usage", `there is nothing called "${kind}" to describe`, {
    hint: meant === undefined ? `kinds: ${Object.keys(descriptions).join(" ")}` : `did you mean ${meant}?`,
  });
}

async function show(
  session: Session,
  thing: { readonly name: string } | TargetName,
  describe: (look: {
    readonly style: Session["style"];
    readonly now: number;
    readonly wide: true;
  }) => readonly string[],
): Promise<void> {
  if (isStructured(session.format)) return printValue(session, thing);
  if (session.format === "name")
    return print(session, ["name" in thing ? thing.name : `${thing.app}@${thing.cluster}`]);
  return print(session, describe({ style: session.style, now: session.terminal.now(), wide: true }));
}
