/**
 * What passes through a tunnel. `open` asks for it and may be repeated; `credit` says how many bytes the sender of it has
 * taken so far, in all; `end` closes one direction, `reset` both.
 */
export type Frame =
  | { readonly kind: "open" | "end" | "reset" }
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "credit"; readonly taken: number };

const kinds = ["open", "data", "credit", "end", "reset"] as const;
const creditBytes = 6;

export function encodeFrame(frame: Frame): Buffer {
  const kind = kinds.indexOf(frame.kind);
  if (frame.kind === "data") return Buffer.concat([Buffer.of(kind), frame.bytes]);
  if (frame.kind !== "credit") return Buffer.of(kind);
  const encoded = Buffer.alloc(1 + creditBytes, kind);
  encoded.writeUIntBE(frame.taken, 1, creditBytes);
  return encoded;
}

/** Undefined for what is no frame. */
export function decodeFrame(encoded: Uint8Array): Frame | undefined {
  const kind = kinds[encoded[0] ?? kinds.length];
  const bytes = encoded.subarray(1);
  switch (kind) {
    case undefined:
      return undefined;
    case "data":
      return bytes.byteLength === 0 ? undefined : { kind, bytes };
    case "credit":
      if (bytes.byteLength !== creditBytes) return undefined;
      return { kind, taken: Buffer.from(bytes).readUIntBE(0, creditBytes) };
    default:
      return bytes.byteLength === 0 ? { kind } : undefined;
  }
}
