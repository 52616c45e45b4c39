import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { expect, it } from "vitest";

import { digestOf } from "../digest.ts";
import { DroverError } from "../errors.ts";
import { type AgentLink, maxBlobBytes } from "./link.ts";
import { AgentRecorder } from "./recorders.contract.ts";
import { assignments, connectPair, type CreateWorld, generationOf, patience, report, turn } from "./world.contract.ts";

export function describeSlowReaders(createWorld: CreateWorld): void {
  it("R18: of 10,000 states an agent that did not read gets few, and the newest, in bounded memory", async () => {
    await using pair = await connectPair(createWorld);
    const messageBytes = 1024 * 1024;
    const newest = 10_000;
    pair.agentEnd.wire.stall();
    const before = heldBytes();
    for (let generation = 1; generation <= newest; generation += 1) {
      const isLarge = generation % 50 === 0;
      pair.hubEnd.link.send("dev-1", assignments(generation, isLarge ? messageBytes : 100));
      if (isLarge) await turn();
    }
    expect(heldBytes() - before).toBeLessThan(20 * messageBytes);
    pair.agentEnd.wire.resume();
    const last = (): number => generationOf(pair.agent.messages.at(-1));
    await expect.poll(last, patience).toBe(newest);
    expect(pair.agent.messages.length).toBeLessThan(50);
  });

  it("takes only so many questions for an agent that does not answer", async () => {
    await using pair = await connectPair(createWorld);
    pair.agentEnd.wire.stall();
    pair.hubEnd.link.send("dev-1", assignments(1, 8 * 1024 * 1024));
    let taken = 0;
    for (let id = 0; id < 10_000; id += 1) {
      const inspect = { id: String(id), application: "web", what: "tree" } as const;
      if (pair.hubEnd.link.send("dev-1", { kind: "inspect", inspect })) taken += 1;
      if (id % 100 === 0) await turn();
    }
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(200);
  });

  it("sends of each application only the newest report to a hub that does not read", async () => {
    await using pair = await connectPair(createWorld);
    const text = "x".repeat(1_000);
    const padding = Array.from({ length: 500 }, (_, index) => ({
      key: { group: "", kind: "ConfigMap", namespace: "shop", name: `c-${index}` },
      version: "v1",
      apply: "applied" as const,
      health: "Current" as const,
      reason: "",
      message: text,
    }));
    pair.agentEnd.wire.stall();
    for (let sequence = 1; sequence <= 100; sequence += 1) {
      pair.agentEnd.link.send({ kind: "report", report: { ...report("web", sequence), objects: padding } });
      await turn();
    }
    pair.agentEnd.wire.resume();
    await expect.poll(() => pair.hub.of("reported").at(-1)?.report.sequence, patience).toBe(100);
    expect(pair.hub.of("reported").length).toBeLessThan(50);
  });
}

export function describeBlobs(createWorld: CreateWorld): void {
  it("yields each blob once, whatever its size, checked against its digest", async () => {
    await using pair = await connectPair(createWorld);
    const blobs = [0, 1, 1024 * 1024, 1024 * 1024 + 1, 9 * 1024 * 1024].map((size) =>
      new Uint8Array(size).fill(size % 251),
    );
    for (const bytes of blobs) pair.hub.blobs.set(digestOf(bytes), bytes);
    const digests = [...pair.hub.blobs.keys()];
    const fetched = await fetchAll(pair.agentEnd.link, [...digests, ...digests]);
    expect(fetched.map((blob) => blob.digest).toSorted()).toEqual(digests.toSorted());
    for (const { digest, bytes } of fetched)
      expect(Buffer.from(bytes).equals(pair.hub.blobs.get(digest) ?? Buffer.from("?"))).toBe(true);
  });

  it("fetches thousands of small blobs", async () => {
    await using pair = await connectPair(createWorld);
    for (let index = 0; index < 5_000; index += 1) {
      const bytes = Buffer.from(`object ${index}`);
      pair.hub.blobs.set(digestOf(bytes), bytes);
    }
    expect(await fetchAll(pair.agentEnd.link, [...pair.hub.blobs.keys()])).toHaveLength(5_000);
  });

  it("yields what there is before it says what is missing", async () => {
    await using pair = await connectPair(createWorld);
    const bytes = Buffer.from("there");
    pair.hub.blobs.set(digestOf(bytes), bytes);
    const yielded: string[] = [];
    const fetching = (async () => {
      const digests = [digestOf("gone"), digestOf(bytes)];
      for await (const blob of pair.agentEnd.link.fetchBlobs(digests, new AbortController().signal)) {
        yielded.push(blob.digest);
      }
    })();
    await expect(fetching).rejects.toMatchObject({ code: "blob_missing" });
    expect(yielded).toEqual([digestOf(bytes)]);
  });

  it("yields what came with the newest assignments without asking for it, and under no other name than its own", async () => {
    await using pair = await connectPair(createWorld);
    const [sent, asked] = [Buffer.from("sent"), Buffer.from("asked for")];
    pair.hub.blobs.set(digestOf(asked), asked);
    pair.hubEnd.link.send("dev-1", { ...assignments(1), content: [sent] });
    await expect.poll(() => generationOf(pair.agent.messages.at(-1)), patience).toBe(1);
    const fetched = await fetchAll(pair.agentEnd.link, [digestOf(sent), digestOf(asked)]);
    expect(fetched.map(({ digest }) => digest)).toEqual([digestOf(sent), digestOf(asked)]);
    expect(fetched.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(["sent", "asked for"]);
    // Whoever asked has it, and the hub of this test never had it.
    await expect(fetchAll(pair.agentEnd.link, [digestOf(sent)])).rejects.toMatchObject({ code: "blob_missing" });
  });

  it("keeps what came with the newest assignments only", async () => {
    await using pair = await connectPair(createWorld);
    pair.hubEnd.link.send("dev-1", { ...assignments(1), content: [Buffer.from("older")] });
    await expect.poll(() => generationOf(pair.agent.messages.at(-1)), patience).toBe(1);
    pair.hubEnd.link.send("dev-1", assignments(2));
    await expect.poll(() => generationOf(pair.agent.messages.at(-1)), patience).toBe(2);
    await expect(fetchAll(pair.agentEnd.link, [digestOf("older")])).rejects.toMatchObject({ code: "blob_missing" });
  });

  it("shows no cluster the blobs of another", async () => {
    await using pair = await connectPair(createWorld);
    const bytes = Buffer.from("not for outsiders");
    pair.hub.blobs.set(digestOf(bytes), bytes);
    const recorder = new AgentRecorder();
    const outsider = await pair.world.startAgent("outsider", recorder);
    await expect.poll(() => recorder.connections, patience).toBe(1);
    await expect(fetchAll(outsider.link, [digestOf(bytes)])).rejects.toMatchObject({ code: "blob_missing" });
    expect(await fetchAll(pair.agentEnd.link, [digestOf(bytes)])).toHaveLength(1);
  });

  it("E64: yields no blob whose content is not what its digest says", async () => {
    await using pair = await connectPair(createWorld);
    const digest = digestOf("right");
    pair.hub.blobs.set(digest, Buffer.from("wrong"));
    await expect(fetchAll(pair.agentEnd.link, [digest])).rejects.toMatchObject({ code: "digest_mismatch" });
  });

  it("takes no blob beyond the limit", async () => {
    await using pair = await connectPair(createWorld);
    const bytes = new Uint8Array(maxBlobBytes + 1);
    pair.hub.blobs.set(digestOf(bytes), bytes);
    await expect(fetchAll(pair.agentEnd.link, [digestOf(bytes)])).rejects.toMatchObject({ code: "input_too_large" });
  });

  it("says link_closed without a connection, and when it breaks half-way", async () => {
    await using pair = await connectPair(createWorld);
    const bytes = new Uint8Array(20 * 1024 * 1024);
    pair.hub.blobs.set(digestOf(bytes), bytes);
    pair.agentEnd.wire.stall();
    const fetching = fetchAll(pair.agentEnd.link, [digestOf(bytes)]);
    setImmediate(() => pair.agentEnd.wire.cut());
    await expect(fetching).rejects.toMatchObject({ code: "link_closed" });
    await expect.poll(() => pair.agent.ends.length, patience).toBe(1);
    await expect(fetchAll(pair.agentEnd.link, [digestOf(bytes)])).rejects.toMatchObject({ code: "link_closed" });
  });

  it("stops with the caller's signal", async () => {
    await using pair = await connectPair(createWorld);
    const bytes = new Uint8Array(20 * 1024 * 1024);
    pair.hub.blobs.set(digestOf(bytes), bytes);
    pair.agentEnd.wire.stall();
    const controller = new AbortController();
    const fetching = fetchAll(pair.agentEnd.link, [digestOf(bytes)], controller.signal);
    setImmediate(() => controller.abort(new DroverError("canceled", "no longer wanted")));
    await expect(fetching).rejects.toMatchObject({ code: "canceled" });
  });
}

/** Bytes in buffers that somebody can still reach. */
function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  // Buffers that one collection finds dead are freed beside the program; the next waits for that.
  collect();
  return process.memoryUsage().arrayBuffers;
}

async function fetchAll(link: AgentLink, digests: readonly string[], signal = new AbortController().signal) {
  const blobs: { readonly digest: string; readonly bytes: Uint8Array }[] = [];
  for await (const blob of link.fetchBlobs(digests, signal)) blobs.push(blob);
  return blobs;
}
