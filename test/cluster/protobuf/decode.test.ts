import { describe, expect, it } from "vitest";

import { decodeProtobuf } from "./decode.ts";

/** A length-delimited field. */
function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

const envelope = (apiVersion: string, kind: string, raw: Buffer): Buffer =>
  Buffer.concat([Buffer.from("k8s\0"), field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])), field(2, raw)]);

describe("decodeProtobuf", () => {
  it("reads maps, and drops what Go writes although it is empty", () => {
    const metadata = Buffer.concat([field(1, "a"), field(2, ""), field(8, ""), Buffer.from([7 << 3, 0])]);
    const entry = Buffer.concat([field(1, "k"), field(2, "v")]);
    const empty = field(1, "e");
    const raw = Buffer.concat([field(1, metadata), field(2, entry), field(2, empty)]);
    expect(decodeProtobuf(envelope("v1", "ConfigMap", raw))).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a" },
      data: { k: "v", e: "" },
    });
  });

  it("keeps a zero that means something, and skips fields that it does not know", () => {
    const spec = Buffer.concat([Buffer.from([1 << 3, 0]), field(15, "future")]);
    expect(decodeProtobuf(envelope("apps/v1", "Deployment", field(2, spec)))).toMatchObject({ spec: { replicas: 0 } });
  });

  it("finds kinds under the version that they had when the tables were made", () => {
    const spec = field(1, "* * * * *");
    expect(decodeProtobuf(envelope("batch/v1", "CronJob", field(2, spec)))).toMatchObject({
      apiVersion: "batch/v1",
      spec: { schedule: "* * * * *" },
    });
  });

  it("refuses what is cut short or of an unknown kind", () => {
    const whole = envelope("v1", "ConfigMap", field(1, field(1, "a")));
    expect(() => decodeProtobuf(whole.subarray(0, -1))).toThrow("truncated");
    expect(() => decodeProtobuf(envelope("v1", "Nothing", Buffer.alloc(0)))).toThrow("no protobuf message is known");
    expect(() => decodeProtobuf(Buffer.from("{}"))).toThrow("prefix");
  });
});
