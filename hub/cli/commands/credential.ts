import type { Credential, ReplaceCredential } from "@drover/shared/api/credential";
import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import { credentialColumns } from "../columns.ts";
import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { readSecret } from "../secret-file.ts";
import { collect, isStructured, openSession, print, printValue, say, type Session } from "../session.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { plain } from "../text.ts";

interface AddFlags extends GlobalFlags {
  readonly for: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly caFile?: string;
  readonly clientCertificateFile?: string;
  readonly clientKeyFile?: string;
  readonly replace?: boolean;
}

export function define(program: Command, { terminal }: CommandContext): void {
  const credential = program
    .command("credential")
    .description(
      "Register what repositories and registries are read with. Files in Git name it, and hold nothing secret.",
    );
  defineAdd(credential, terminal);
  defineList(credential, terminal);
  defineRemove(credential, terminal);
}

function defineAdd(credential: Command, terminal: Terminal): void {
  const add = credential
    .command("add")
    .description(
      "Add a credential, for sources, chart repositories and registries to name. What is secret is in files.",
    )
    .argument("<name>")
    .requiredOption("--for <address>", "how the addresses begin that it may be shown to, to the end of a part")
    .option("--username <name>", "for basic authentication")
    .option("--password-file <file>", "file with the password, or with a token; - reads it from standard input")
    .option("--ca-file <file>", "certificates in PEM of authorities to trust besides the system's")
    .option("--client-certificate-file <file>", "client certificate in PEM, before those that vouch for it")
    .option("--client-key-file <file>", "its private key in PEM, not encrypted")
    .option(
      "--replace",
      "put it, with all its parts, in the place of the one of that name: what names it is read at once",
    )
    .action(async (name: string) => {
      const flags = add.optsWithGlobals<AddFlags>();
      const input = await readInput(flags, terminal);
      const session = await openSession(terminal, flags);
      const { credentials } = session.client;
      const added = await (flags.replace === true
        ? credentials.replace(name, input, session.signal)
        : credentials.add({ name, ...input }, session.signal));
      if (isStructured(session.format)) return printValue(session, added);
      print(session, [added.name]);
      return sayAdded(session, added);
    });
  withExamples(add, [
    ["drover credential add team --for https://git.example.com/team/ --password-file token", "by a token alone"],
    ["drover credential add charts --for oci://registry.example.com --username ci --password-file -", "from a pipe"],
    ["drover credential add corp --for https://git.corp.example --ca-file ca.pem", "an authority of one's own"],
    ["drover credential add team --for https://git.example.com/team/ --password-file new --replace", "a new token"],
  ]);
}

function defineList(credential: Command, terminal: Terminal): void {
  const list = credential
    .command("list")
    .description("Show the credentials: for which addresses, of what they consist, and who names them.")
    .action(async () => {
      const session = await openSession(terminal, list.optsWithGlobals<GlobalFlags>());
      const rows = await collect(session.client.credentials.all({}, session.signal));
      if (isStructured(session.format)) return printValue(session, { items: rows });
      const { style } = session;
      if (session.format === "name") {
        return print(
          session,
          rows.map(({ name }) => name),
        );
      }
      const look = { style, now: terminal.now(), wide: session.format === "wide" };
      print(session, formatTable(rows, credentialColumns(look), style, { headers: rows.length > 0 }));
      if (rows.length === 0) say(session, "there are none: drover credential add --help");
    });
  withExamples(list, [
    ["drover credential list", "all, with what their certificates need"],
    ["drover credential list -o json", "for scripts"],
  ]);
}

function defineRemove(credential: Command, terminal: Terminal): void {
  const remove = credential
    .command("remove")
    .description("Forget a credential. What names it is read no more until there is another; what runs stays.")
    .argument("<name>")
    .action(async (name: string) => {
      const session = await openSession(terminal, remove.optsWithGlobals<GlobalFlags>());
      const { usedBy } = await session.client.credentials.get(name, session.signal);
      await session.client.credentials.remove(name, session.signal);
      say(session, `credential ${name} removed`);
      if (usedBy.length > 0) say(session, plain(`still named by ${usedBy.join(", ")}: read no more, and running on`));
    });
  withExamples(remove, [["drover credential remove team", "forget it"]]);
}

function sayAdded(session: Session, { for: prefix, reason, usedBy }: Credential): void {
  if (prefix.startsWith("http:")) say(session, plain(`warning: it goes to ${prefix} without encryption`));
  if (reason !== "") say(session, plain(`warning: ${reason}`));
  if (usedBy.length > 0) say(session, plain(`read again now: ${usedBy.join(", ")}`));
}

async function readInput(flags: AddFlags, terminal: Terminal): Promise<ReplaceCredential> {
  const { username, passwordFile, caFile, clientCertificateFile, clientKeyFile } = flags;
  const files = [
    ["password", "password", passwordFile],
    ["ca", "authority", caFile],
    ["clientCertificate", "client certificate", clientCertificateFile],
    ["clientKey", "client key", clientKeyFile],
  ] as const;
  if (files.filter(([, , file]) => file === "-").length > 1)
    throw new DroverError("usage", "only one of the files can be standard input");
  const input: ReplaceCredential = { for: flags.for, ...(username === undefined ? {} : { username }) };
  for (const [part, what, file] of files) if (file !== undefined) input[part] = await readSecret(file, what, terminal);
  return input;
}
