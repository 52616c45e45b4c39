import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { mustRun } from "./command.ts";
import { program } from "./programs.ts";
import { temporaryFolder } from "./watchdog.ts";

/** Somebody who signs commits and tags. */
export interface GitSigner {
  /** The public key as the programs print it: armored, or `ssh-ed25519 AAAA… name`. */
  readonly publicKey: string;
  /** Settings for git, to stand before its command; `-S` or `-s` then signs. */
  readonly settings: readonly string[];
}

export interface Signing extends AsyncDisposable {
  openPgp(name: string): Promise<GitSigner>;
  /** The key of this one as it is after it was revoked. */
  revoke(signer: GitSigner): Promise<string>;
  ssh(name: string, type?: "ed25519" | "ecdsa" | "rsa"): Promise<GitSigner>;
}

/** Real gpg and ssh-keygen, with keys of their own in a temporary folder. */
export async function startSigning(): Promise<Signing> {
  await using parts = new AsyncDisposableStack();
  const { path } = parts.use(await temporaryFolder("signing"));
  const home = join(path, "gnupg");
  await mkdir(home, { mode: 0o700 });
  const agent = { LD_LIBRARY_PATH: dirname(program("gpg-agent")) };
  // Git starts it without settings of ours.
  const wrapper = join(path, "gpg");
  const options = `--homedir '${home}' --batch --agent-program '${program("gpg-agent")}'`;
  await script(wrapper, agent.LD_LIBRARY_PATH, `'${program("gpg")}' ${options} "$@"`);
  const keygen = join(path, "ssh-keygen");
  await script(keygen, dirname(program("ssh-keygen")), `'${program("ssh-keygen")}' "$@"`);
  parts.defer(async () => {
    // It would stay for a while after its folder is gone.
    await mustRun(program("gpgconf"), ["--homedir", home, "--kill", "gpg-agent"], { env: agent });
  });
  const gpg = (...args: readonly string[]): Promise<string> => mustRun(wrapper, args);
  const owned = parts.move();
  return {
    async openPgp(name) {
      await gpg("--passphrase", "", "--quick-gen-key", `${name} <${name}@drover.dev>`, "ed25519", "sign", "never");
      const settings = ["-c", `gpg.program=${wrapper}`, "-c", `user.signingkey=${name}@drover.dev`];
      return { publicKey: await gpg("--armor", "--export", `${name}@drover.dev`), settings };
    },
    async revoke({ settings }) {
      const user = settings.at(-1)?.split("=")[1] ?? "";
      const listed = await gpg("--with-colons", "--list-keys", user);
      const fingerprint = /^fpr:+([0-9A-F]+):/mu.exec(listed)?.[1] ?? "";
      const certificate = join(home, "openpgp-revocs.d", `${fingerprint}.rev`);
      // gpg puts a colon in front of the armor, so that nobody imports it by mistake.
      await mustRun("sed", ["-i", "s/^:---/---/", certificate]);
      await gpg("--import", certificate);
      return gpg("--armor", "--export", user);
    },
    async ssh(name, type = "ed25519") {
      const file = join(path, name);
      await mustRun(keygen, ["-q", "-t", type, "-N", "", "-C", name, "-f", file]);
      const settings = ["-c", "gpg.format=ssh", "-c", `gpg.ssh.program=${keygen}`, "-c", `user.signingkey=${file}`];
      return { publicKey: await mustRun(keygen, ["-y", "-f", file]), settings };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function script(file: string, libraries: string, command: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\nLD_LIBRARY_PATH='${libraries}' exec ${command}\n`);
  await chmod(file, 0o755);
}
