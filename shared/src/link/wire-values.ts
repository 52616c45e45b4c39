import { isDigest, type Digest } from "../digest.ts";
import { DroverError } from "../errors.ts";

/** 32 raw bytes; none for "". Throws `document_invalid` for any other text. */
export function digestToWire(digest: Digest): Buffer {
  if (digest === "") return Buffer.alloc(0);
  const valid: boolean = isDigest(digest);
  if (!valid) throw new DroverError("document_invalid", `"${digest}" is not a digest`);
  return Buffer.from(digest.slice("sha256:".length), "hex");
}

/** Undefined for what is not 32 bytes long. */
export function digestFromWire(bytes: Uint8Array): Digest | undefined {
  return bytes.length === 32 ? `sha256:${Buffer.from(bytes).toString("hex")}` : undefined;
}

/** Whole numbers only; what is not finite becomes 0. */
export function integerToWire(value: number): bigint {
  return Number.isFinite(value) ? BigInt(Math.round(value)) : 0n;
}

/** Held within what a JavaScript number says exactly. */
export function integerFromWire(value: bigint): number {
  if (value > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER;
  if (value < Number.MIN_SAFE_INTEGER) return Number.MIN_SAFE_INTEGER;
  return Number(value);
}
