import { DroverError } from "@drover/shared/errors";
import { at, isRecord, listAt, numberAt, textAt, type JsonRecord } from "@drover/shared/json";
import type { Assignment, SignedAssignments } from "@drover/shared/link/link";
import { defaultSync } from "@drover/shared/sync-options";

import type { Disk } from "./disk.ts";
import { readOptional, replaceFile } from "./file.ts";

/** What the agent acts on: it survives restarts, so that the agent works without the hub. */
export interface AcceptedFile {
  /** As they came, so that the signature can be checked again. */
  readonly signed: SignedAssignments;
  /** Applications that an earlier envelope assigned and that no tombstone has removed since: absence is never deletion. */
  readonly kept: readonly Assignment[];
  /** Epochs before that of `signed`, oldest first: nothing of them is taken again. */
  readonly pastEpochs: readonly string[];
  /** As `core/acceptance.Accepted`; 0 in files of earlier versions. */
  readonly floorMs: number;
}

const format = "drover.dev/accepted/v1";
const added: Pick<Assignment, "sync" | "confirmPrune"> = { sync: defaultSync, confirmPrune: "" };

/** undefined when nothing was accepted yet. Throws `document_invalid` for a file that this version did not write. */
export async function readAccepted(disk: Pick<Disk, "read">, path: string): Promise<AcceptedFile | undefined> {
  const bytes = await readOptional(disk, path);
  if (bytes === undefined) return undefined;
  const value = parse(path, bytes);
  const signed = at(value, "signed");
  const [payload, signature, keyId] = ["payload", "signature", "keyId"].map((field) => textAt(signed, field));
  // Files of before these options have assignments without them.
  const kept = listAt(value, "kept").map((entry) => (isRecord(entry) ? { ...added, ...entry } : entry));
  // Files of the first version of this agent have none.
  const pastEpochs = listAt(value, "pastEpochs").filter((epoch) => typeof epoch === "string");
  if (payload === undefined || signature === undefined || keyId === undefined || !kept.every(isAssignment)) {
    throw new DroverError("document_invalid", `${path} is not a file of this agent`);
  }
  return {
    signed: { payload: Buffer.from(payload, "base64"), signature: Buffer.from(signature, "base64"), keyId },
    kept,
    pastEpochs,
    floorMs: numberAt(value, "floorMs") ?? 0,
  };
}

/** Has reached the disk when it resolves: only then may the agent act on it. */
export async function writeAccepted(disk: Pick<Disk, "replace">, path: string, file: AcceptedFile): Promise<void> {
  const { signed, kept, pastEpochs, floorMs } = file;
  const text = JSON.stringify({
    format,
    signed: {
      payload: Buffer.from(signed.payload).toString("base64"),
      signature: Buffer.from(signed.signature).toString("base64"),
      keyId: signed.keyId,
    },
    kept,
    pastEpochs,
    floorMs,
  });
  await replaceFile(disk, path, text, { durable: true });
}

function parse(path: string, bytes: Uint8Array): JsonRecord {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (isRecord(value) && value["format"] === format) return value;
  } catch (cause) {
    throw new DroverError("document_invalid", `${path} is not readable`, { cause });
  }
  throw new DroverError("document_invalid", `${path} is not a file of this agent`);
}

function isAssignment(value: unknown): value is Assignment {
  if (!isRecord(value)) return false;
  const texts = ["application", "bundle", "repository", "commit", "namespace"];
  const flags = ["createNamespace", "prune"];
  return (
    texts.every((field) => typeof value[field] === "string") &&
    flags.every((field) => typeof value[field] === "boolean")
  );
}
