import { resolve } from "node:path";

import type { AddSource, SourceIdentity } from "@drover/shared/api/types";
import { parseDuration } from "@drover/shared/duration";
import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { appendHostKey, hostKeyFlag, readHostKeys } from "../host-keys.ts";
import { readSecret } from "../secret-file.ts";
import { isStructured, openSession, print, printValue, say, type Session } from "../session.ts";
import { appendFile, readSignedBy, signedByFlag } from "../signed-by.ts";
import { defineWebhook } from "../source-webhook.ts";
import type { Terminal } from "../terminal.ts";
import { plain } from "../text.ts";

interface AddFlags extends GlobalFlags {
  readonly name?: string;
  readonly ref?: string;
  readonly versionRange?: string;
  readonly path?: string;
  readonly interval?: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly credential?: string;
  readonly hostKey?: readonly string[];
  readonly signedBy?: readonly string[];
}

interface TrustFlags extends GlobalFlags {
  readonly hostKey?: readonly string[];
  readonly signedBy?: readonly string[];
  readonly unsigned?: boolean;
}

export function define(program: Command, { terminal }: CommandContext): void {
  const source = program.command("source").description("Add and remove the repositories that the hub reads.");
  defineAdd(source, terminal);
  defineIdentity(source, terminal);
  defineTrust(source, terminal);
  defineWebhook(source, terminal);
  defineRemove(source, terminal);
}

function defineAdd(source: Command, terminal: Terminal): void {
  const add = source
    .command("add")
    .description("Add a Git repository by address, or by path on the hub's machine.")
    .argument("<address>", "http(s) or SSH address, or path")
    .option("--name <name>", "default: the last part of the address")
    .option("--ref <ref>", "branch, tag or commit; default: the repository's default branch")
    .option("--version-range <range>", "instead of a ref: the newest tag in a range of versions, such as 1.x")
    .option("--path <folder>", "only this folder of it")
    .option("--interval <duration>", "how often to look for commits", "60s")
    .option("--username <name>", "for basic authentication")
    .option("--password-file <file>", "file with the password or token; - reads it from standard input")
    .option("--credential <name>", "instead of those two: a credential that the hub holds (drover credential list)")
    .option(...hostKeyFlag, appendHostKey)
    .option(...signedByFlag, appendFile)
    .action(async (address: string) => {
      const flags = add.optsWithGlobals<AddFlags>();
      const input = await readInput(address, flags, terminal);
      const session = await openSession(terminal, flags);
      const added = await session.client.sources.add(input, session.signal);
      if (isStructured(session.format)) return printValue(session, added);
      print(session, [added.name]);
      if (isOverSsh(address)) {
        return say(session, `next: add its deploy key to the repository: drover source identity ${added.name}`);
      }
      return say(session, `next: drover describe source ${added.name}`);
    });
  withExamples(add, [
    ["drover source add https://git.example.com/platform.git --ref main", "a public repository"],
    ["drover source add https://git.example.com/apps.git --version-range 1.x", "its newest release"],
    ["drover source add ./config --interval 5s", "a work tree on this machine"],
    ["drover source add https://git.example.com/p.git --username ci --password-file token", "a private one"],
    ["drover source add https://git.example.com/team/p.git --credential team", "with what drover credential add made"],
    ["drover source add git@git.example.com:platform.git", "over SSH: then drover source identity platform"],
    ["drover source add ssh://git@git.example.com:2222/p.git --host-key @keys", "a server whose keys are known"],
    ["drover source add https://git.example.com/p.git --signed-by team.asc", "only commits that these keys signed"],
  ]);
}

function defineIdentity(source: Command, terminal: Terminal): void {
  const identity = source
    .command("identity")
    .description("Print the public deploy key with which the hub reads a source over SSH.")
    .argument("<name>")
    .action(async (name: string) => {
      const session = await openSession(terminal, identity.optsWithGlobals<GlobalFlags>());
      const found = await session.client.sources.identity(sourceName(name), session.signal);
      if (isStructured(session.format)) return printValue(session, found);
      print(session, [plain(found.publicKey)]);
      say(session, `add it to ${plain(found.addTo)}`);
      sayHostKeys(session, found);
      return say(session, `then: drover sync source/${found.name}`);
    });
  withExamples(identity, [
    ["drover source identity platform", "the key, and where to add it"],
    ["drover source identity platform 2>/dev/null >> authorized_keys", "the key alone"],
    ["drover source identity platform -o json", "for scripts"],
  ]);
}

function defineTrust(source: Command, terminal: Terminal): void {
  const trust = source
    .command("trust")
    .description("Say which keys a source's commits, or its SSH server, are known by, instead of those before.")
    .argument("<name>")
    .option(...hostKeyFlag, appendHostKey)
    .option(...signedByFlag, appendFile)
    .option("--unsigned", "take commits without a signature again")
    .action(async (name: string) => {
      const flags = trust.optsWithGlobals<TrustFlags>();
      const { hostKey, signedBy, unsigned } = flags;
      const asked = [hostKey, signedBy, unsigned].filter((flag) => flag !== undefined).length;
      if (asked !== 1) throw new DroverError("usage", "give one of --host-key, --signed-by and --unsigned");
      if (hostKey === undefined) return trustSigners(await openSession(terminal, flags), name, signedBy ?? []);
      const hostKeys = await readHostKeys(hostKey, terminal);
      const session = await openSession(terminal, flags);
      const found = await session.client.sources.trust(sourceName(name), { hostKeys }, session.signal);
      if (isStructured(session.format)) return printValue(session, found);
      sayHostKeys(session, found);
      return say(session, `next: drover describe source ${found.name}`);
    });
  withExamples(trust, [
    ['drover source trust platform --host-key "ssh-ed25519 AAAA..."', "after those who run the server confirmed it"],
    [
      "ssh-keyscan git.example.com > keys; drover source trust platform --host-key @keys",
      "after comparing what it says",
    ],
    ["drover source trust platform --signed-by team.asc --signed-by ci.pub", "only commits that these keys signed"],
    ["drover source trust platform --unsigned", "commits without a signature again"],
  ]);
}

async function trustSigners(session: Session, name: string, files: readonly string[]): Promise<void> {
  const signedBy = await readSignedBy(files, session.terminal);
  const found = await session.client.sources.signers(sourceName(name), { signedBy }, session.signal);
  if (isStructured(session.format)) return printValue(session, found);
  if (found.signers.length === 0) say(session, "its commits need no signature");
  for (const signer of found.signers) say(session, `its commits may be signed by ${plain(signer)}`);
  return say(session, `next: drover describe source ${found.name}`);
}

function sayHostKeys(session: Session, { hostKeys }: SourceIdentity): void {
  if (hostKeys.length === 0) say(session, "no key of its server is pinned yet: the first that it shows will be");
  for (const key of hostKeys) say(session, `its server has to show ${plain(key)}`);
}

function defineRemove(source: Command, terminal: Terminal): void {
  const remove = source
    .command("remove")
    .description("Read a repository no more. What it put on clusters stays.")
    .argument("<name>")
    .action(async (name: string) => {
      const session = await openSession(terminal, remove.optsWithGlobals<GlobalFlags>());
      await session.client.sources.remove(sourceName(name), session.signal);
      say(session, `source ${name} removed`);
    });
  withExamples(remove, [["drover source remove platform", "forget it"]]);
}

function sourceName(text: string): string {
  return text.replace(/^source\//u, "");
}

async function readInput(address: string, flags: AddFlags, terminal: Terminal): Promise<AddSource> {
  const { name, ref, versionRange: version, path, username, credential } = flags;
  const password =
    flags.passwordFile === undefined ? undefined : await readSecret(flags.passwordFile, "password", terminal);
  const hostKeys = await readHostKeys(flags.hostKey ?? [], terminal);
  const signedBy = await readSignedBy(flags.signedBy ?? [], terminal);
  return {
    // The hub does not know where this command runs.
    url: isAddress(address) ? address : resolve(terminal.cwd, address),
    intervalSeconds: readInterval(flags.interval),
    ...(name === undefined ? {} : { name }),
    ...(ref === undefined ? {} : { ref }),
    ...(version === undefined ? {} : { version }),
    ...(path === undefined ? {} : { path }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(credential === undefined ? {} : { credential }),
    ...(hostKeys.length === 0 ? {} : { hostKeys }),
    ...(signedBy.length === 0 ? {} : { signedBy }),
  };
}

/** As git reads it: a colon before any slash. The path of a file with such a name is ./a:b. */
function isAddress(text: string): boolean {
  return /^(?:[^/\\:[]+@)?(?:[^/\\:[]+|\[[^\]]*\]):/u.test(text);
}

function isOverSsh(address: string): boolean {
  return isAddress(address) && (/^ssh:/iu.test(address) || !address.includes("://"));
}

function readInterval(text = "60s"): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1000) return ms / 1000;
  throw new DroverError("usage", `"${text}" is not an interval of at least 1s`, { hint: "write it as 30s, 5m or 1h" });
}
