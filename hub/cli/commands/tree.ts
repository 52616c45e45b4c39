import type { TreeNode } from "@drover/shared/api/types";
import type { Command } from "commander";

import { joinReason } from "../columns.ts";
import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { parseTargetName } from "../names.ts";
import { isStructured, openSession, print, printValue } from "../session.ts";
import { marks } from "../signs.ts";
import type { Colour, Style } from "../terminal.ts";
import { plain } from "../text.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command("tree")
    .description("Show the objects of a target, what they own, and how each of them is.")
    .argument("<target>", "app@cluster")
    .action(async (name: string) => {
      const target = parseTargetName(name);
      const session = await openSession(terminal, command.optsWithGlobals<GlobalFlags>());
      const tree = await session.client.targets.tree(target, session.signal);
      if (isStructured(session.format)) return printValue(session, tree);
      if (session.format === "name")
        return print(
          session,
          flatten(tree.nodes).map((node) => plain(node.object)),
        );
      return print(session, [name, ...formatNodes(tree.nodes, "", session.style)]);
    });
  withExamples(command, [
    ["drover tree shop@prod-1", "Deployment, ReplicaSet, Pods …"],
    ["drover tree shop@prod-1 -o json", "for scripts"],
  ]);
}

function formatNodes(nodes: readonly TreeNode[], indent: string, style: Style): readonly string[] {
  const { branch, last, line } = marks(style);
  return nodes.flatMap((node, index) => {
    const isLast = index === nodes.length - 1;
    const health = style.paint(colourOf(node.health), plain(node.health));
    const why = plain(joinReason(node.reason, node.message));
    const own = `${indent}${isLast ? last : branch}${plain(node.object)}  ${health}${why === "" ? "" : `  ${why}`}`;
    return [own, ...formatNodes(node.children, indent + (isLast ? "   " : line), style)];
  });
}

function colourOf(health: string): Colour {
  if (health === "Current") return "green";
  return health === "Failed" || health === "Degraded" ? "red" : "yellow";
}

function flatten(nodes: readonly TreeNode[]): readonly TreeNode[] {
  return nodes.flatMap((node) => [node, ...flatten(node.children)]);
}
