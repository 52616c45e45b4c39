import type { Command } from "commander";

import type { Terminal } from "./terminal.ts";

/** What a command gets when it is defined. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Names of all commands: one command's file cannot import the table that lists it. */
  readonly commandNames: readonly string[];
  /** For outcomes that are neither success nor error, such as "there are changes". */
  readonly setExitCode: (code: number) => void;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly define: (program: Command, context: CommandContext) => void }>;
}

/** Every command, in the order in which help shows them. */
export const commands: readonly CommandEntry[] = [
  { name: "get", summary: "List clusters, apps, targets, sources or events", load: () => import("./commands/get.ts") },
  { name: "describe", summary: "Show all that is known of one thing", load: () => import("./commands/describe.ts") },
  { name: "why", summary: "Explain why a target runs where it does", load: () => import("./commands/why.ts") },
  { name: "why-not", summary: "Explain why an application does not", load: () => import("./commands/why-not.ts") },
  { name: "blame", summary: "Show what set each field of an object", load: () => import("./commands/blame.ts") },
  { name: "events", summary: "Show what happened, or follow it", load: () => import("./commands/events.ts") },
  { name: "diff", summary: "Compare Git with what lives in a cluster", load: () => import("./commands/diff.ts") },
  { name: "tree", summary: "Show the objects of a target and what they own", load: () => import("./commands/tree.ts") },
  { name: "sync", summary: "Fetch, compare and apply again, now", load: () => import("./commands/sync.ts") },
  { name: "rollout", summary: "Show, pause, resume and approve rollouts", load: () => import("./commands/rollout.ts") },
  { name: "sign", summary: "Sign what targets are to run", load: () => import("./commands/sign.ts") },
  { name: "init", summary: "Write the files of a small repository", load: () => import("./commands/init.ts") },
  { name: "lint", summary: "Look for mistakes in a repository, offline", load: () => import("./commands/lint.ts") },
  { name: "plan", summary: "Show what files would change, offline", load: () => import("./commands/plan.ts") },
  {
    name: "render",
    summary: "Print what an application comes to, offline",
    load: () => import("./commands/render.ts"),
  },
  { name: "schema", summary: "Print JSON Schemas for editors, offline", load: () => import("./commands/schema.ts") },
  {
    name: "source",
    summary: "Add and remove repositories, show and trust their keys",
    load: () => import("./commands/source.ts"),
  },
  {
    name: "credential",
    summary: "Add, list and remove what repositories are read with",
    load: () => import("./commands/credential.ts"),
  },
  { name: "token", summary: "Make, list and revoke tokens", load: () => import("./commands/token.ts") },
  { name: "login", summary: "Log in with your identity provider", load: () => import("./commands/login.ts") },
  { name: "logout", summary: "End your login", load: () => import("./commands/logout.ts") },
  { name: "session", summary: "Show who is logged in, end logins", load: () => import("./commands/session.ts") },
  { name: "auth", summary: "Show what your token may do", load: () => import("./commands/auth.ts") },
  { name: "audit", summary: "Show and check who did what", load: () => import("./commands/audit.ts") },
  { name: "cluster", summary: "Label and remove clusters", load: () => import("./commands/cluster.ts") },
  { name: "agent", summary: "Print the rights that a target needs", load: () => import("./commands/agent.ts") },
  { name: "join", summary: "Print the manifest that joins a cluster", load: () => import("./commands/join.ts") },
  { name: "backup", summary: "Make and list copies of the hub's store", load: () => import("./commands/backup.ts") },
  {
    name: "recovery",
    summary: "Show and confirm a hub that was restored",
    load: () => import("./commands/recovery.ts"),
  },
  { name: "context", summary: "Choose the hub to talk to", load: () => import("./commands/context.ts") },
  { name: "version", summary: "Show the versions of client and hub", load: () => import("./commands/version.ts") },
  { name: "completion", summary: "Print a completion script", load: () => import("./commands/completion.ts") },
];
