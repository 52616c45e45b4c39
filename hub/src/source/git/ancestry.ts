import fs from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DroverError } from "@drover/shared/errors";
import * as git from "isomorphic-git";

import { collect, stream, type GitTransport } from "./git-transport.ts";
import { offers } from "./thin-packs.ts";

/** Whether a commit has another one in its history; "unknown" is where that would cost too much to find out. */
export type Ancestry = "descends" | "rewritten" | "unknown";

export interface Descent {
  readonly commit: string;
  /** What came before, as far as history goes on. */
  readonly ancestor: string;
}

/** Some 10,000 commits without their files; a server that sends files too gets as far as this goes. */
const maxAnswerBytes = 2 * 1024 * 1024;
const maxCommits = 10_000;

/** By a repository on this machine. */
export async function localAncestry(gitdir: string, descent: Descent): Promise<Ancestry> {
  const cache = {};
  return walk(descent, async (oid) => (await git.readCommit({ fs, gitdir, cache, oid })).commit.parent).catch(
    (): Ancestry => "unknown",
  );
}

/**
 * Asks a server for the commits that the one has and the other has not, without files where it can leave them out. What
 * is on the way from the one to the other is among them. A server that does not know the older one any more has another
 * history.
 */
export async function remoteAncestry(transport: GitTransport, descent: Descent): Promise<Ancestry> {
  const answer = await ask(transport, descent);
  if (answer.common === undefined) return "unknown";
  if (!answer.common) return "rewritten";
  const { pack } = answer;
  if (pack === undefined || pack.length < 12 || pack.toString("latin1", 0, 4) !== "PACK") return "unknown";
  // It is in the history of the other: somebody went back.
  if (pack.readUInt32BE(8) === 0) return "rewritten";
  return walkPack(pack, descent);
}

interface Answer {
  /** Whether the server has the older one; undefined = it said something else. */
  readonly common: boolean | undefined;
  /** undefined = too large. */
  readonly pack: Buffer | undefined;
}

async function ask(transport: GitTransport, { commit, ancestor }: Descent): Promise<Answer> {
  const service = "git-upload-pack";
  const advertised = await transport.request({ url: `${transport.url}/info/refs?service=${service}`, method: "GET" });
  const filter = offers(await collect(advertised.body ?? []), " filter");
  const lines = [`want ${commit} no-progress ofs-delta agent=drover${filter ? " filter" : ""}\n`];
  if (filter) lines.push("filter tree:0\n");
  const body = Buffer.from(
    `${lines.map(packetLine).join("")}0000${packetLine(`have ${ancestor}\n`)}${packetLine("done\n")}`,
  );
  const { body: chunks = [] } = await transport.request({
    url: `${transport.url}/${service}`,
    method: "POST",
    headers: {
      "content-type": `application/x-${service}-request`,
      accept: `application/x-${service}-result`,
    },
    body: stream(body),
  });
  return readAnswer(chunks, ancestor);
}

/** One line, and what is behind it as far as it is wanted. */
async function readAnswer(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, ancestor: string): Promise<Answer> {
  let answer = Buffer.alloc(0);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    bytes += chunk.length;
    if (answer.length < 8) answer = Buffer.concat(parts);
    if (answer.toString("latin1", 4, 7) === "NAK") return { common: false, pack: undefined };
    if (bytes > maxAnswerBytes) return { common: true, pack: undefined };
  }
  answer = Buffer.concat(parts);
  const length = Number.parseInt(answer.toString("latin1", 0, 4), 16);
  if (answer.toString("latin1", 4, length).trimEnd() !== `ACK ${ancestor}`)
    return { common: undefined, pack: undefined };
  return { common: true, pack: answer.subarray(length) };
}

function packetLine(text: string): string {
  return `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
}

async function walkPack(pack: Uint8Array, descent: Descent): Promise<Ancestry> {
  const folder = await mkdtemp(join(tmpdir(), "drover-ancestry-"));
  try {
    const filepath = "objects/pack/pack-asked.pack";
    await mkdir(join(folder, "objects", "pack"), { recursive: true });
    await writeFile(join(folder, filepath), pack);
    const base = { fs, dir: folder, gitdir: folder, cache: {} };
    const { oids } = await git.indexPack({ ...base, filepath });
    const here = new Set(oids);
    if (!here.has(descent.commit)) return "unknown";
    return await walk(descent, async (oid) =>
      here.has(oid) ? (await git.readCommit({ ...base, oid })).commit.parent : [],
    );
  } catch (cause) {
    if (cause instanceof DroverError) throw cause;
    return "unknown";
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function walk(
  { commit, ancestor }: Descent,
  parentsOf: (oid: string) => Promise<readonly string[]>,
): Promise<Ancestry> {
  const seen = new Set([commit]);
  for (const oid of seen) {
    if (oid === ancestor) return "descends";
    if (seen.size > maxCommits) return "unknown";
    // A set that grows while it is walked through is a queue.
    for (const parent of await parentsOf(oid)) seen.add(parent);
  }
  return "rewritten";
}
