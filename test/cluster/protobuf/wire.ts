/** One field of a protobuf message as it is on the wire. */
export type WireField = { readonly number: number; readonly value: bigint | Buffer };

/** Splits a message into its fields. Fixed 64- and 32-bit values come as their bytes. Throws on a truncated message. */
export function readFields(message: Buffer): WireField[] {
  const fields: WireField[] = [];
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[offset];
      if (byte === undefined) throw new Error("truncated protobuf message");
      offset += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  };
  const bytes = (length: number): Buffer => {
    const value = message.subarray(offset, offset + length);
    if (value.length < length) throw new Error("truncated protobuf message");
    offset += length;
    return value;
  };
  while (offset < message.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0:
        fields.push({ number, value: varint() });
        break;
      case 1:
        fields.push({ number, value: bytes(8) });
        break;
      case 2:
        fields.push({ number, value: bytes(Number(varint())) });
        break;
      case 5:
        fields.push({ number, value: bytes(4) });
        break;
      default:
        throw new Error(`unknown protobuf wire type ${tag & 7}`);
    }
  }
  return fields;
}

export function bytesOf(fields: readonly WireField[], number: number): Buffer | undefined {
  const found = fields.find((field) => field.number === number)?.value;
  return Buffer.isBuffer(found) ? found : undefined;
}

export function textOf(fields: readonly WireField[], number: number): string | undefined {
  return bytesOf(fields, number)?.toString("utf8");
}

export function numberOf(fields: readonly WireField[], number: number): number | undefined {
  const found = fields.find((field) => field.number === number)?.value;
  return typeof found === "bigint" ? Number(found) : undefined;
}
