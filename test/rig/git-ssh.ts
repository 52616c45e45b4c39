import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { chmod, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";

import { formatPrivateKey, publicKeyOfPair } from "@drover/hub/source/ssh/ssh-keys";

import { mustRun } from "./command.ts";
import { plainGit } from "./git.ts";
import { freePort } from "./ports.ts";
import { program } from "./programs.ts";
import { startProcess, untilReady, type RigProcess } from "./rig-process.ts";
import { temporaryFolder } from "./watchdog.ts";

export interface GitSshOptions {
  /** Whether the server passes Git's wish for protocol 2 on, as most do. Default: yes. */
  readonly protocol2?: boolean;
}

export interface GitSshRepository {
  readonly url: string;
  /** The bare repository on disk: push here to change it without SSH. */
  readonly path: string;
}

/** A real SSH remote: OpenSSH's server on loopback that lets its user `git` run git-shell and nothing else. */
export interface GitSsh extends AsyncDisposable {
  readonly port: number;
  /** `ssh-ed25519 AAAA…`: what the server shows from the next connection on. */
  hostKey(): string;
  createRepository(name: string, branch?: string): Promise<GitSshRepository>;
  /** Replaces the keys that may log in, from the next connection on. */
  authorize(...publicLines: readonly string[]): Promise<void>;
  /** Starts it again with another host key. */
  changeHostKey(): Promise<void>;
  /** Refuses connections until `bringUp`. */
  takeDown(): Promise<void>;
  bringUp(): Promise<void>;
  /** The commands that clients asked for, oldest first. */
  commands(): Promise<readonly string[]>;
}

const startTimeoutMs = 30_000;
/** Root's sshd needs a user and a folder of the system's; as anybody else it needs neither. */
const otherUser = 1000;

export async function startGitSsh({ protocol2 = true }: GitSshOptions = {}): Promise<GitSsh> {
  await using parts = new AsyncDisposableStack();
  const { path: root } = parts.use(await temporaryFolder("git-ssh"));
  const port = await freePort();
  const own = process.getuid?.() ?? otherUser;
  const uid = own === 0 ? otherUser : own;
  const files = describeFiles(root);
  await writeSettings(files, { port, uid, protocol2 });
  let hostKey = await makeHostKey(files);
  await mkdir(files.repositories);
  if (own === 0) await giveTo(uid, root);
  let server: RigProcess | undefined;
  const takeDown = async (): Promise<void> => server?.stop();
  const bringUp = async (): Promise<void> => {
    server = await launch(files, { port, uid: own === 0 ? uid : undefined });
  };
  await bringUp();
  parts.defer(takeDown);
  const owned = parts.move();
  return {
    port,
    hostKey: () => hostKey,
    async createRepository(name, branch = "main") {
      const path = join(files.repositories, name);
      await mustRun(program("git"), ["init", "--quiet", "--bare", `--initial-branch=${branch}`, path], {
        env: plainGit,
      });
      return { url: `ssh://git@127.0.0.1:${port}${path}`, path };
    },
    async authorize(...publicLines) {
      const log = `printf '%s\\n' \\"$SSH_ORIGINAL_COMMAND\\" >> '${files.commands}'`;
      const command = `${log}; exec git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"`;
      const lines = publicLines.map((line) => `restrict,command="${command}" ${line}\n`);
      await writeFile(files.authorized, lines.join(""));
    },
    async changeHostKey() {
      await takeDown();
      hostKey = await makeHostKey(files);
      await bringUp();
    },
    takeDown,
    bringUp,
    commands: async () => (await readFile(files.commands, "utf8")).split("\n").filter((line) => line !== ""),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type Files = ReturnType<typeof describeFiles>;

function describeFiles(root: string) {
  return {
    root,
    programs: join(root, "programs"),
    repositories: join(root, "repositories"),
    settings: join(root, "sshd_config"),
    hostKey: join(root, "host_key"),
    authorized: join(root, "authorized_keys"),
    commands: join(root, "commands"),
    users: join(root, "passwd"),
    groups: join(root, "group"),
  };
}

interface Settings {
  readonly port: number;
  readonly uid: number;
  readonly protocol2: boolean;
}

async function writeSettings(files: Files, { port, uid, protocol2 }: Settings): Promise<void> {
  // Git trusts a repository of another user only when it is told to.
  const trust = "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*";
  const lines = [
    "ListenAddress 127.0.0.1",
    `Port ${port}`,
    `HostKey ${files.hostKey}`,
    `AuthorizedKeysFile ${files.authorized}`,
    `SetEnv PATH=${dirname(program("git"))}:/usr/bin:/bin ${trust}`,
    ...(protocol2 ? ["AcceptEnv GIT_PROTOCOL"] : []),
    "AuthenticationMethods publickey",
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "LogLevel VERBOSE",
  ];
  await writeFile(files.settings, `${lines.join("\n")}\n`);
  await writeFile(files.users, `git:x:${uid}:${uid}::${files.root}:/bin/sh\n`);
  await writeFile(files.groups, `git:x:${uid}:\n`);
  await writeFile(files.authorized, "");
  await writeFile(files.commands, "");
  await cp(dirname(program("sshd")), files.programs, { recursive: true });
}

async function makeHostKey(files: Files): Promise<string> {
  const { privateKey } = generateKeyPairSync("ed25519");
  // A file that is there keeps its owner.
  await writeFile(files.hostKey, formatPrivateKey(privateKey), { mode: 0o600 });
  return publicKeyOfPair(privateKey);
}

/** Everything but what is above: there the other user may only pass. */
async function giveTo(uid: number, root: string): Promise<void> {
  await mustRun("chown", ["-R", `${uid}:${uid}`, root]);
  await chmod(dirname(root), 0o711);
}

async function launch(
  files: Files,
  { port, uid }: { readonly port: number; readonly uid: number | undefined },
): Promise<RigProcess> {
  const server = await startProcess({
    name: "sshd",
    program: join(files.programs, "sshd"),
    args: ["-D", "-e", "-f", files.settings],
    folder: files.root,
    env: {
      LD_LIBRARY_PATH: files.programs,
      LD_PRELOAD: "libnss_wrapper.so",
      NSS_WRAPPER_PASSWD: files.users,
      NSS_WRAPPER_GROUP: files.groups,
    },
    ...(uid === undefined ? {} : { uid }),
  });
  await untilReady(server, () => greets(port), AbortSignal.timeout(startTimeoutMs));
  return server;
}

async function greets(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    const [greeting]: unknown[] = await once(socket, "data", { signal: AbortSignal.timeout(1_000) });
    return String(greeting).startsWith("SSH-2.0-");
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
