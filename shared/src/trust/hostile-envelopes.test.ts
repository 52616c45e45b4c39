import { sign } from "node:crypto";

import {
  Assignments as WireAssignments,
  Beat as WireBeat,
  ConnectResponse,
} from "@drover/proto/gen/drover/agent/v1/agent";
import { afterAll, describe, expect, it } from "vitest";

import { digestOf } from "../digest.ts";
import { DroverError } from "../errors.ts";
import { maxAssigned, type Assignments, type Beat, type Signed } from "../link/link.ts";
import { encodeAssignments, encodeBeat } from "../link/wire-assignments.ts";
import { hubMessageFromWire, hubMessageToWire } from "../link/wire.ts";
import { defaultSync } from "../sync-options.ts";
import { signAssignments, signBeat, verifyAssignments, verifyBeat } from "./envelope.ts";
import { createSigningKey, readVerifyKey } from "./signing-key.ts";

// What a broker, a stranger or a hub that has lost its mind may hand to an agent: every one is refused with a code, at
// once, and none ends anything.

const key = createSigningKey();
const stranger = createSigningKey();
const keys = new Map([readVerifyKey(key.id, key.publicPem)]);

const target = {
  application: "shop",
  bundle: digestOf("bundle"),
  repository: "config",
  commit: "0".repeat(40),
  namespace: "shop",
  createNamespace: true,
  prune: true,
  seenAtMs: 1,
  syncRequest: 0,
  sync: defaultSync,
  confirmPrune: "",
};
const tombstone = { application: "old", reason: "it left Git", detach: false, confirmPrune: "" };
const assignments: Assignments = {
  cluster: "dev-1",
  clusterUid: "uid-1",
  epoch: "e1",
  generation: 7,
  history: [digestOf("7"), digestOf("6")],
  issuedAtMs: 1_000,
  freshForMs: 600_000,
  targets: [target],
  tombstones: [tombstone],
};
const beat: Beat = { cluster: "dev-1", clusterUid: "uid-1", epoch: "e1", generation: 7, sentAtMs: 1_000 };

type Kind = "assignments" | "beat";
const genuine = { assignments: signAssignments(assignments, key), beat: signBeat(beat, key) };
const verify = { assignments: verifyAssignments, beat: verifyBeat };

type Case = readonly [name: string, kind: Kind, signed: Signed];

/** Any bytes under a genuine signature: a hub that is not itself any more. */
function signBytes(kind: Kind, payload: Uint8Array, by = key): Signed {
  const type = `application/vnd.drover.${kind}.v1+protobuf`;
  const bytes = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
  return { payload, signature: sign(null, bytes, by.privateKey), keyId: by.id };
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

const tag = (field: number, wireType: number): Buffer => varint(BigInt(field * 8 + wireType));
const lengthed = (field: number, body: Uint8Array): Buffer =>
  Buffer.concat([tag(field, 2), varint(BigInt(body.length)), body]);

const spread = (length: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * length) / count));

/** Damage that the signature shows. */
const damaged = (["assignments", "beat"] as const).flatMap((kind): readonly Case[] => {
  const { payload, signature, keyId } = genuine[kind];
  const bent = (at: number, bit: number): Uint8Array => {
    const bytes = Uint8Array.from(payload);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
    return bytes;
  };
  const other = kind === "beat" ? "assignments" : "beat";
  return [
    ...spread(payload.length, 20).map((at): Case => [
      `cut off after ${at} bytes`,
      kind,
      { payload: payload.subarray(0, at), signature, keyId },
    ]),
    ...spread(payload.length, 20).map((at): Case => [
      `with another bit in byte ${at}`,
      kind,
      { payload: bent(at, at % 8), signature, keyId },
    ]),
    ...spread(64, 8).map((at): Case => [
      `with a signature of ${at} bytes`,
      kind,
      { payload, signature: signature.subarray(0, at), keyId },
    ]),
    ["with a longer signature", kind, { payload, signature: Buffer.concat([signature, Buffer.of(0)]), keyId }],
    ["with a giant signature", kind, { payload, signature: Buffer.alloc(1024 * 1024, 1), keyId }],
    ["with no bytes at all", kind, { payload: new Uint8Array(), signature: new Uint8Array(), keyId: "" }],
    ["with more after its end", kind, { payload: Buffer.concat([payload, Buffer.of(0x38, 9)]), signature, keyId }],
    ["twice in one", kind, { payload: Buffer.concat([payload, payload]), signature, keyId }],
    ["signed for the other type", kind, signBytes(other, payload)],
    ["that is one of the other type", kind, genuine[other]],
    ["by a stranger", kind, signBytes(kind, payload, stranger)],
    ["by a stranger under the hub's id", kind, { ...signBytes(kind, payload, stranger), keyId: key.id }],
    ["signed bare, without its type", kind, { payload, signature: sign(null, payload, key.privateKey), keyId }],
    ...["", " ", "__proto__", "constructor", "\u0000", key.id.toUpperCase(), `${key.id} `, "x".repeat(100_000)].map(
      (id): Case => [`under the key ${JSON.stringify(id.slice(0, 20))}`, kind, { payload, signature, keyId: id }],
    ),
  ];
});

const wire = WireAssignments.decode(encodeAssignments(assignments));
const encode = (change: Partial<WireAssignments>): Uint8Array =>
  WireAssignments.encode({ ...wire, ...change }).finish();
const [wireTarget] = wire.targets;
const [wireTombstone] = wire.tombstones;
if (wireTarget === undefined || wireTombstone === undefined) throw new Error("nothing to change");

/** What no hub writes, under its genuine signature. */
const nonsense: readonly (readonly [name: string, payload: Uint8Array])[] = [
  ["no bytes", new Uint8Array()],
  ["no cluster", encode({ cluster: "" })],
  ["no epoch", encode({ epoch: "" })],
  ["generation 2^53", encode({ generation: 2n ** 53n })],
  ["generation 2^63", encode({ generation: 2n ** 63n })],
  ["generation 2^64 - 1", encode({ generation: 2n ** 64n - 1n })],
  ["one application twice", encode({ targets: [wireTarget, wireTarget] })],
  ["one application to run and to remove", encode({ tombstones: [{ ...wireTombstone, application: "shop" }] })],
  ["one application to remove twice", encode({ tombstones: [wireTombstone, wireTombstone] })],
  ["an application without a name", encode({ targets: [{ ...wireTarget, application: "" }] })],
  ["a removal without a name", encode({ tombstones: [{ ...wireTombstone, application: "" }] })],
  ["a bundle without a digest", encode({ targets: [{ ...wireTarget, bundle: Buffer.alloc(0) }] })],
  ["a digest of 31 bytes", encode({ targets: [{ ...wireTarget, bundle: Buffer.alloc(31) }] })],
  ["a digest of 33 bytes", encode({ targets: [{ ...wireTarget, bundle: Buffer.alloc(33) }] })],
  ["a digest of 1 MiB", encode({ targets: [{ ...wireTarget, bundle: Buffer.alloc(1024 * 1024) }] })],
  ["a history of no digests", encode({ history: [Buffer.alloc(0)] })],
  ["a history of half digests", encode({ history: [Buffer.alloc(32), Buffer.alloc(16)] })],
  [
    "more applications than any cluster has",
    encode({
      targets: Array.from({ length: maxAssigned + 1 }, (_, index) => ({ ...wireTarget, application: `a${index}` })),
    }),
  ],
  [
    "text that is not UTF-8 where a name is to be",
    Buffer.concat([lengthed(2, Buffer.of(0xff, 0xfe)), Buffer.of(0x0a, 0)]),
  ],
  ["a cluster that is a number, and none besides", Buffer.concat([encode({ cluster: "" }), tag(1, 0), varint(1n)])],
  ["a field without its value", Buffer.concat([encode({}), tag(3, 0)])],
  ["a number that never ends", Buffer.concat([encode({}), tag(3, 0), Buffer.alloc(64, 0xff)])],
  ["a length of 2 GiB", Buffer.concat([encode({}), tag(5, 2), varint(2n ** 31n)])],
  ["a length of 2^63", Buffer.concat([encode({}), tag(5, 2), varint(2n ** 63n)])],
  ["a length one past the end", Buffer.concat([encode({}), tag(5, 2), varint(2n), Buffer.of(0)])],
  ["a wire type that there is not", Buffer.concat([encode({}), tag(5, 6)])],
  ["another wire type that there is not", Buffer.concat([encode({}), tag(5, 7)])],
  ["the end of a group that never began, cut off", Buffer.concat([encode({ cluster: "" }), tag(90, 4)])],
  ["100,000 groups in each other", Buffer.concat([encode({}), Buffer.alloc(200_000, tag(90, 3))])],
  ["a message of nothing but ones", Buffer.alloc(1_000, 0xff)],
  ["a message of text", Buffer.from('{"cluster":"dev-1"}')],
  ["a message of noughts", Buffer.alloc(1_000)],
];
const nonsenseBeats: readonly (readonly [name: string, payload: Uint8Array])[] = [
  ["no bytes", new Uint8Array()],
  ["no cluster", encodeBeat({ ...beat, cluster: "" })],
  ["no epoch", encodeBeat({ ...beat, epoch: "" })],
  ["generation 2^63", WireBeat.encode({ ...WireBeat.decode(encodeBeat(beat)), generation: 2n ** 63n }).finish()],
  ["a length of 2 GiB", Buffer.concat([encodeBeat(beat), tag(9, 2), varint(2n ** 31n)])],
  ["100,000 groups in each other", Buffer.concat([encodeBeat(beat), Buffer.alloc(200_000, tag(90, 3))])],
  ["a message of nothing but ones", Buffer.alloc(1_000, 0xff)],
];
/** Beginnings of an envelope that are none, under a genuine signature. */
const lost: readonly Case[] = spread(genuine.assignments.payload.length, 12)
  .map((at) => genuine.assignments.payload.subarray(0, at))
  .filter(isNoEnvelope)
  .map((payload) => [`that ends after ${payload.length} bytes`, "assignments", signBytes("assignments", payload)]);

/** Some beginnings of an envelope are one: those are the signer's word, and no nonsense. */
function isNoEnvelope(payload: Uint8Array): boolean {
  try {
    return WireAssignments.decode(payload).epoch === "";
  } catch {
    return true;
  }
}

const all: readonly Case[] = [
  ...damaged,
  ...nonsense.map(([name, payload]): Case => [`of ${name}`, "assignments", signBytes("assignments", payload)]),
  ...nonsenseBeats.map(([name, payload]): Case => [`of ${name}`, "beat", signBytes("beat", payload)]),
  ...lost,
];

describe("hostile envelopes", () => {
  let slowestMs = 0;
  afterAll(() => expect(slowestMs).toBeLessThan(1_000));

  it.each(all.map(([name, kind, signed]) => ({ name: `${kind} ${name}`, kind, signed })))(
    "T28: $name: refused with a code",
    ({ kind, signed }) => {
      const startedAt = performance.now();
      let thrown: unknown;
      try {
        verify[kind](signed, keys);
      } catch (cause) {
        thrown = cause;
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      expect(thrown).toBeInstanceOf(DroverError);
      expect(["signature_invalid", "document_invalid"]).toContain((thrown as DroverError).code);
    },
  );

  it("are many, and the genuine ones are taken", () => {
    expect(all.length).toBeGreaterThanOrEqual(150);
    expect(verifyAssignments(genuine.assignments, keys)).toEqual(assignments);
    expect(verifyBeat(genuine.beat, keys)).toEqual(beat);
  });
});

describe("hostile frames of a hub", () => {
  const frame = ConnectResponse.encode(hubMessageToWire({ kind: "assignments", signed: genuine.assignments })).finish();
  const frames: readonly (readonly [name: string, bytes: Uint8Array])[] = [
    ...spread(frame.length, 20).map((at) => [`cut off after ${at} bytes`, frame.subarray(0, at)] as const),
    ["a field without its value", tag(2, 2)],
    ["a length of 2 GiB", Buffer.concat([tag(2, 2), varint(2n ** 31n)])],
    ["a length of 2^63", Buffer.concat([tag(6, 2), varint(2n ** 63n)])],
    ["a number in the place of assignments", Buffer.concat([tag(2, 0), varint(7n)])],
    ["assignments in assignments in assignments", lengthed(2, lengthed(2, lengthed(2, frame)))],
    [
      "10,000 messages in each other",
      Array.from({ length: 10_000 }).reduce<Buffer>((inner) => lengthed(2, inner), Buffer.alloc(0)),
    ],
    ["100,000 groups in each other", Buffer.alloc(200_000, tag(90, 3))],
    ["a number that never ends", Buffer.concat([tag(3, 0), Buffer.alloc(64, 0xff)])],
    ["a wire type that there is not", tag(2, 6)],
    ["nothing but ones", Buffer.alloc(1_000, 0xff)],
    ["many messages, one after the other", Buffer.concat(Array.from({ length: 1_000 }, () => frame.subarray(0, 40)))],
  ];

  it.each(frames.map(([name, bytes]) => ({ name, bytes })))("T28: $name: no envelope comes of it", ({ bytes }) => {
    let signed: Signed | undefined;
    try {
      const message = hubMessageFromWire(ConnectResponse.decode(bytes));
      if (message?.kind === "assignments") ({ signed } = message);
    } catch (cause) {
      // How the link is told: it ends this connection, and comes back.
      expect(cause).toBeInstanceOf(Error);
    }
    if (signed === undefined) return;
    const got = signed;
    expect(() => verifyAssignments(got, keys)).toThrow(expect.objectContaining({ code: "signature_invalid" }));
  });
});
