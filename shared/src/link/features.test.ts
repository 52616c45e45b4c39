import { ConnectRequest, ConnectResponse } from "@drover/proto/gen/drover/agent/v1/agent";
import { describe, expect, it } from "vitest";

import { noFacts } from "./link.ts";
import { agentMessageFromWire, agentMessageToWire, hubMessageFromWire, hubMessageToWire } from "./wire.ts";

/** Field 99, with three bytes. */
const unknownField = Buffer.from([0x9a, 0x06, 0x03, 0x61, 0x62, 0x63]);

describe("E72: a peer of a newer version", () => {
  it("may say more than this one reads: what is known is read, and what was signed stays as it came, byte for byte", () => {
    const hello = {
      ...noFacts,
      agentVersion: "9",
      clusterUid: "u",
      epoch: "",
      generation: 0,
      features: ["of tomorrow"],
    };
    const bytes = ConnectRequest.encode(agentMessageToWire({ kind: "hello", hello })).finish();
    const read = agentMessageFromWire(ConnectRequest.decode(Buffer.concat([bytes, unknownField])));
    expect(read).toMatchObject({ kind: "hello", hello: { agentVersion: "9", features: ["of tomorrow"] } });
    const payload = Buffer.concat([Buffer.from("what was signed"), unknownField]);
    const signed = { payload, signature: Buffer.alloc(64), keyId: "k" };
    const sent = ConnectResponse.encode(hubMessageToWire({ kind: "assignments", signed })).finish();
    const came = hubMessageFromWire(ConnectResponse.decode(Buffer.concat([sent, unknownField])));
    if (came?.kind !== "assignments") throw new Error("no assignments");
    expect(Buffer.from(came.signed.payload).equals(payload)).toBe(true);
  });

  it("may name features without end: what is kept of them is bounded", () => {
    const features = ["x".repeat(65), ...Array.from({ length: 1_000 }, (_, index) => `f${index}`)];
    const hello = { ...noFacts, clusterUid: "u", epoch: "", generation: 0, features };
    const read = agentMessageFromWire(agentMessageToWire({ kind: "hello", hello }));
    expect(read?.kind === "hello" && read.hello.features).toEqual(features.slice(1, 64));
  });
});
