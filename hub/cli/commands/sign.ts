import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { Signer } from "@drover/hub/offline/sign-release";
import type { Target, TargetDetail } from "@drover/shared/api/types";
import { parseDuration } from "@drover/shared/duration";
import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { readFolder, type FolderFlags } from "../folder.ts";
import { withExamples } from "../help.ts";
import { openSession, say, type Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { plain } from "../text.ts";

interface SignFlags extends GlobalFlags, FolderFlags {
  readonly key?: string;
  readonly expires: string;
  readonly from?: string;
  readonly showKey?: boolean;
  readonly yes?: boolean;
}

export function define(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command("sign")
    .description(
      "Sign what targets are to run, for clusters whose policy asks for it. The key never leaves this machine.",
    )
    .argument("[what]", "app@cluster, or app for all of its targets, each for every cluster")
    .option("--key <file>", "Ed25519 private key, PEM: openssl genpkey -algorithm ed25519 -out FILE")
    .option("--expires <time>", "how long it counts: 12h, 30d", "30d")
    .option("--from <path>", "folder of the repository: sign only what its files come to, whatever the hub says")
    .option("--show-key", "print the public key for a cluster's policy, and sign nothing")
    .option("--yes", "sign it, do not only show")
    .action(async (what: string | undefined) => {
      const flags = command.optsWithGlobals<SignFlags>();
      const key = await readKey(terminal.cwd, flags.key);
      if (flags.showKey === true) return void terminal.stdout.write(`${key.publicKey}\n`);
      if (what === undefined) throw new DroverError("usage", "name what is to be signed: app@cluster, or app");
      await signAll(terminal, { what, flags, key });
    });
  withExamples(command, [
    ["drover sign --key me.pem --show-key", "for the policies of clusters"],
    ["drover sign shop@prod-1 --key me.pem", "show what would be signed"],
    ["drover sign shop@prod-1 --key me.pem --from . --yes", "sign it, if the files here come to the same"],
    ["drover sign shop --key me.pem --expires 12h --yes", "on all of its clusters"],
  ]);
}

async function readKey(cwd: string, file: string | undefined): Promise<Signer> {
  if (file === undefined) throw new DroverError("usage", "give the key to sign with: --key FILE");
  try {
    const { openSigner } = await import("@drover/hub/offline/sign-release");
    return openSigner(file, await readFile(resolve(cwd, file), "utf8"));
  } catch (cause) {
    if (cause instanceof DroverError) throw cause;
    throw new DroverError("config_invalid", `cannot read the key from ${file}`, {
      cause,
      hint: "it has to be an Ed25519 private key, PEM: openssl genpkey -algorithm ed25519 -out FILE",
    });
  }
}

interface Signing {
  readonly what: string;
  readonly flags: SignFlags;
  readonly key: Signer;
}

async function signAll(terminal: Terminal, { what, flags, key }: Signing): Promise<void> {
  const session = await openSession(terminal, flags);
  const [app = "", only] = what.split("@");
  const lifeMs = parseDuration(flags.expires);
  if (lifeMs === undefined) throw new DroverError("usage", `"${flags.expires}" is no time: 12h, 30d`);
  for (const { cluster } of await targetsOf(session, app, only)) {
    const target = await session.client.targets.get({ app, cluster }, session.signal);
    if (flags.from !== undefined) await compare(terminal, target, { ...flags, from: flags.from });
    const expiresAtMs = terminal.now() + lifeMs;
    const release = { application: app, bundle: target.bundle, cluster: only ?? "", expiresAtMs };
    for (const line of describe(target, release)) terminal.stdout.write(`${plain(line)}\n`);
    if (flags.yes !== true) continue;
    await session.client.targets.sign({ app, cluster }, key.sign(release), session.signal);
    say(session, `signed ${app}@${cluster} with key ${key.keyId}`);
  }
  if (flags.yes !== true) say(session, "nothing was signed; to sign it, add --yes");
}

async function targetsOf({ client, signal }: Session, app: string, cluster: string | undefined) {
  if (cluster !== undefined) return [{ cluster }];
  const found: Pick<Target, "cluster">[] = [];
  for await (const target of client.targets.all({ app }, signal)) found.push(target);
  if (found.length === 0) throw new DroverError("not_found", `${app} has no targets`);
  return found;
}

/** What the hub says that it assigned is believed no further than files that a person has read. */
async function compare(terminal: Terminal, target: TargetDetail, flags: SignFlags & { readonly from: string }) {
  const { bundleOf } = await import("@drover/hub/offline/sign-release");
  const digest = bundleOf(await readFolder(terminal, flags.from, flags), target);
  if (digest === target.bundle) return;
  const message = `${flags.from} comes to ${digest} on ${target.cluster}, and the hub has assigned ${target.bundle}`;
  throw new DroverError("precondition_failed", message, {
    hint: "is the folder at the revision of the target? drover describe target shows it",
  });
}

function describe(
  { app, cluster, bundle, revision, items }: TargetDetail,
  release: { readonly cluster: string; readonly expiresAtMs: number },
): readonly string[] {
  const counts = new Map<string, number>();
  for (const { object } of items) {
    const [kind = ""] = object.split(" ");
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const kinds = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([kind, count]) => `${count} ${kind}`);
  return [
    `${app}@${cluster} at ${revision}`,
    `  bundle   ${bundle}`,
    `  objects  ${kinds.join(", ") || "none reported yet"}`,
    `  for      ${release.cluster === "" ? "every cluster that is to run this bundle" : release.cluster}`,
    `  until    ${new Date(release.expiresAtMs).toISOString()}`,
  ];
}
