import { promisify } from "node:util";
import { gunzip } from "node:zlib";

import { DroverError } from "@drover/shared/errors";

export interface TarFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const unzip = promisify(gunzip);
const block = 512;
const maxEntries = 10_000;

/**
 * The files of a .tgz, up to so many bytes in all. Throws `input_too_large`, and `document_invalid` for what is no such
 * archive or holds more than files and folders: a link may lead anywhere.
 */
export async function readTgz(bytes: Uint8Array, maxBytes: number): Promise<readonly TarFile[]> {
  return readTar(await decompress(bytes, maxBytes));
}

async function decompress(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return await unzip(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw new DroverError("input_too_large", `the archive unpacks to more than ${maxBytes} bytes`, { cause });
    }
    throw new DroverError("document_invalid", "the archive is no .tgz", { cause });
  }
}

function readTar(tar: Uint8Array): readonly TarFile[] {
  const files: TarFile[] = [];
  let longName: string | undefined;
  let entries = 0;
  for (let at = 0; at + block <= tar.length;) {
    const header = tar.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) break;
    entries += 1;
    if (entries > maxEntries) throw new DroverError("input_too_large", `the archive has more than ${maxEntries} files`);
    const size = Number.parseInt(textOf(header, 124, 12).trim() || "0", 8);
    const end = at + block + size;
    if (!(size >= 0) || end > tar.length) throw new DroverError("document_invalid", "the archive is cut off");
    const content = tar.subarray(at + block, end);
    const type = textOf(header, 156, 1);
    if (type === "L") longName = textOf(content, 0, content.length);
    else if (type === "x") longName = paxPath(content) ?? longName;
    else if (type !== "g") {
      const path = longName ?? [textOf(header, 345, 155), textOf(header, 0, 100)].filter(Boolean).join("/");
      longName = undefined;
      if (type === "" || type === "0") files.push({ path: insidePath(path), bytes: content });
      else if (type !== "5") throw new DroverError("document_invalid", `the archive has a link or device at ${path}`);
    }
    at = end + ((block - (size % block)) % block);
  }
  return files;
}

function insidePath(path: string): string {
  const outside = path.startsWith("/") || path.split(/[/\\]/u).includes("..");
  if (outside) throw new DroverError("document_invalid", `the archive has a file outside itself: ${path}`);
  return path.replace(/^(?:\.\/)+/u, "");
}

/** Up to the first zero. */
function textOf(bytes: Uint8Array, from: number, length: number): string {
  const part = bytes.subarray(from, from + length);
  const end = part.indexOf(0);
  return new TextDecoder().decode(end === -1 ? part : part.subarray(0, end));
}

/** Records are `length key=value\n`. */
function paxPath(content: Uint8Array): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/u.exec(new TextDecoder().decode(content))?.[1];
}
