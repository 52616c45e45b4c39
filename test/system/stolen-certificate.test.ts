import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";

import { loadOrEnroll } from "@drover/agent/enroll";
import { HubAddresses } from "@drover/agent/link/addresses";
import { channelCredentials, channelOptions } from "@drover/agent/link/dial";
import { loadHubConfig } from "@drover/hub/config";
import { createHub } from "@drover/hub/hub";
import { Assignments, ConnectResponse, FetchBlobsResponse } from "@drover/proto/gen/drover/agent/v1/agent";
import { createClient, type Client } from "@drover/shared/api/client";
import { decodeBundle } from "@drover/shared/bundle";
import { systemClock } from "@drover/shared/clock";
import { digestOf } from "@drover/shared/digest";
import { createUserKey } from "@drover/shared/link/broker-connection";
import { digestToWire } from "@drover/shared/link/wire-values";
import { silentLog } from "@drover/shared/log";
import { createKeyRequest, type Identity } from "@drover/shared/trust/identity";
import { Client as GrpcClient, status as Status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { createWorkTree } from "../rig/git.ts";
import { freePort } from "../rig/ports.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { start } from "./stop.ts";
import { readWireContract, type Leaf, type Rpc, type Value, type WireContract } from "./wire-contract.ts";

const signal = AbortSignal.timeout(170_000);
const patience = { timeout: 20_000, interval: 20 } as const;
const [mine, theirs] = ["dev-1", "prod-1"] as const;
/** In the bytes of one object of an application. */
const canaryOf = (app: string): string => `c4nary-of-${app}`;
/** A ConnectRequest with an empty Ping. */
const ping = Buffer.from("2a00", "hex");

/** A cluster, and whoever speaks for it by its certificate. */
interface Speaker {
  readonly name: string;
  readonly identity: Identity;
  readonly joinToken: string;
  /** Which user of the broker it asks for. */
  readonly user: string;
  readonly grpc: GrpcClient;
}

interface Answer {
  readonly code: Status;
  readonly details: string;
  readonly messages: readonly Buffer[];
}

const same = (bytes: Buffer): Buffer => bytes;

/**
 * Any call of the contract, by its bytes. A stream of requests ends when the hub has answered its ping and sent what is
 * assigned, or at the deadline: it sends nothing to whoever claims to have that.
 */
function send(
  { grpc }: Speaker,
  { path, clientStreaming }: Rpc,
  requests: readonly Buffer[],
  deadlineMs = 10_000,
): Promise<Answer> {
  const call = grpc.makeBidiStreamRequest(path, same, same, { deadline: Date.now() + deadlineMs });
  const messages: Buffer[] = [];
  const awaited = new Set<string | undefined>(["pong", "assignments"]);
  call.on("error", () => undefined);
  call.on("data", (message: Buffer) => {
    messages.push(message);
    if (!clientStreaming) return;
    awaited.delete(ConnectResponse.decode(message).body?.$case);
    if (awaited.size === 0) call.end();
  });
  for (const request of requests) call.write(request);
  if (!clientStreaming) call.end();
  return new Promise((resolve) => {
    call.once("status", ({ code, details }) => resolve({ code, details, messages }));
  });
}

/** All that a text or bytes say, also in certificates and in the parts of a JWT. */
function readable(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("latin1");
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu) ?? [];
  const tokens = text.match(/\beyJ[\w-]+|(?<=\.)[\w-]{20,}/gu) ?? [];
  return [
    text,
    ...certificates.map((pem) => new X509Certificate(pem)).map((read) => `${read.subject} ${read.subjectAltName}`),
    ...tokens.map((token) => Buffer.from(token, "base64url").toString("latin1")),
  ].join("\n");
}

/** What every message says of its sender where a case says nothing else. */
interface Own {
  readonly name: string;
  readonly uid: string;
  readonly application: string;
  readonly bundle: Uint8Array;
  readonly object: Uint8Array;
  readonly csr: Uint8Array;
  readonly token: string;
  readonly user: string;
  readonly generation: bigint;
}

function naturalValue({ path, kind }: Leaf, own: Own): Value | undefined {
  // Who has a certificate that holds need not prove another key.
  if (path.startsWith("proof.")) return undefined;
  const name = path.slice(path.lastIndexOf(".") + 1);
  const known: Readonly<Record<string, Value>> = {
    cluster_uid: own.uid,
    application: own.application,
    bundle: own.bundle,
    applied: own.bundle,
    digests: own.object,
    csr: own.csr,
    token: own.token,
    public_key: own.user,
    generation: own.generation,
    agent_version: "1",
    run: `run-of-${own.name}`,
  };
  return known[name] ?? (kind === "number" ? 1n : undefined);
}

/** Nothing that excludes what the leaf is in. */
function fits(leaf: Leaf, wanted: Leaf): boolean {
  return Object.entries(leaf.choices).every(([group, choice]) => (wanted.choices[group] ?? choice) === choice);
}

describeWithRig("git")("a certificate of one cluster", () => {
  const parts = new AsyncDisposableStack();
  let contract: WireContract;
  let api: Client;
  let a: Speaker;
  let b: Speaker;
  let ownOfA: Own;
  let ownOfB: Own;

  const rpc = (name: string): Rpc => {
    const found = contract.rpcs.find(({ path }) => path.endsWith(`/${name}`));
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  };
  const encode = (message: string, own: Own, only?: Leaf, value?: Value): Buffer =>
    contract.encode(message, (leaf) => {
      if (only !== undefined && !fits(leaf, only)) return undefined;
      return leaf.path === only?.path && value !== undefined ? value : naturalValue(leaf, own);
    });
  const leafAt = (message: string, path: string): Leaf => {
    const leaf = contract.leavesOf(message).find((one) => one.path === path);
    if (leaf === undefined) throw new Error(`${message} has no ${path}`);
    return leaf;
  };
  const hello = (own: Own): Buffer => {
    const { request } = rpc("Connect");
    return encode(request, own, leafAt(request, "hello.cluster_uid"));
  };

  async function join(name: string, folder: string, link: string): Promise<Speaker> {
    const { token } = await api.clusters.join({ name, labels: { of: name }, link: "grpc" }, signal);
    const dataDir = joinPath(folder, name);
    const about = {
      dataDir,
      token,
      addresses: new HubAddresses(link),
      clusterUid: `uid-of-${name}`,
      agentVersion: "1",
    };
    const held = await loadOrEnroll({ ...about, clock: systemClock, random: () => 0.1, log: silentLog }, signal);
    const own = held.current();
    const credentials = channelCredentials({ authority: own.authority, own });
    const grpc = parts.adopt(new GrpcClient(link, credentials, channelOptions(link)), (client) => client.close());
    return { name, identity: own, joinToken: token, user: createUserKey().publicKey, grpc };
  }

  /** What the hub has assigned to a cluster, and lets it read. */
  async function ownOf(speaker: Speaker, app: string): Promise<Own> {
    const { name, joinToken: token, user } = speaker;
    const empty = { bundle: new Uint8Array(), object: new Uint8Array(), generation: 0n };
    const { csr } = await createKeyRequest();
    const fresh: Own = { name, uid: `uid-of-${name}`, application: app, csr, token, user, ...empty };
    const { messages } = await send(speaker, rpc("Connect"), [hello(fresh), ping]);
    const bodies = messages.map((message) => ConnectResponse.decode(message).body);
    const signed = bodies.find((body) => body?.$case === "assignments")?.value;
    const { targets, generation } = Assignments.decode(signed?.payload ?? Buffer.alloc(0));
    const [target] = targets;
    if (target?.application !== app) throw new Error(`${app} is not assigned to ${name}`);
    const named = { ...fresh, bundle: target.bundle, generation };
    const file = await fetchBlob(speaker, named, target.bundle);
    const { objects } = decodeBundle(digestOf(file), file);
    const all = await Promise.all(objects.map((one) => fetchBlob(speaker, named, digestToWire(one))));
    const index = all.findIndex((object) => object.includes(canaryOf(app)));
    expect(index).toBeGreaterThanOrEqual(0);
    return { ...named, object: digestToWire(objects[index] ?? "") };
  }

  async function fetchBlob(speaker: Speaker, own: Own, digest: Uint8Array): Promise<Buffer> {
    const { request } = rpc("FetchBlobs");
    const { messages } = await send(speaker, rpc("FetchBlobs"), [
      encode(request, own, leafAt(request, "digests"), digest),
    ]);
    const pieces = messages.flatMap((message) => FetchBlobsResponse.decode(message).parts);
    return Buffer.concat(pieces.map(({ data }) => data));
  }

  /** All that the API says of the other cluster, and the names of all targets. */
  async function look(): Promise<unknown> {
    const events = await Array.fromAsync(api.events.all({}, signal));
    return {
      cluster: await api.clusters.get(theirs, signal),
      target: await api.targets.get({ app: "treasury", cluster: theirs }, signal),
      events: events.filter(({ cluster, app }) => cluster === theirs || app === "treasury"),
      targets: (await Array.fromAsync(api.targets.all({}, signal))).map(({ app, cluster }) => `${app}@${cluster}`),
    };
  }

  beforeAll(async () => {
    contract = await readWireContract();
    const folder = parts.adopt(await mkdtemp(joinPath(tmpdir(), "drover-stolen-")), (path) =>
      rm(path, { recursive: true, maxRetries: 5 }),
    );
    const files = { shop: mine, treasury: theirs };
    const tree = parts.use(
      await createWorkTree({
        files: Object.fromEntries(
          Object.entries(files).flatMap(([app, cluster]) => [
            [`apps/${app}/drover.yaml`, application(app, app) + placement(app, { of: cluster })],
            [`apps/${app}/app.yaml`, configMap(app, { key: canaryOf(app) })],
          ]),
        ),
      }),
    );
    const [apiPort, linkPort, natsPort] = [await freePort(), await freePort(), await freePort()];
    const link = `127.0.0.1:${linkPort}`;
    const argv = [
      "--data-dir",
      joinPath(folder, "hub"),
      "--api-address",
      `127.0.0.1:${apiPort}`,
      "--link-address",
      link,
      "--nats-url",
      `nats://127.0.0.1:${natsPort}`,
    ];
    const deps = { clock: systemClock, random: Math.random, log: silentLog, environment: process.env };
    const hub = await createHub(loadHubConfig({ argv, env: {} }), deps, signal);
    const { promise: ready, resolve } = Promise.withResolvers<unknown>();
    parts.defer(start((stop) => hub.run(resolve, stop)));
    await ready;
    api = createClient({ url: `http://127.0.0.1:${apiPort}`, token: hub.adminToken });
    [a, b] = [await join(mine, folder, link), await join(theirs, folder, link)];
    await api.sources.add({ name: "config", url: tree.path, intervalSeconds: 1 }, signal);
    await vi.waitFor(async () => expect(await Array.fromAsync(api.targets.all({}, signal))).toHaveLength(2), patience);
    [ownOfA, ownOfB] = [await ownOf(a, "shop"), await ownOf(b, "treasury")];
  });
  afterAll(() => parts.disposeAsync());

  /** Whatever names the other cluster or what it has, by the kind of a field. */
  function namesOfB(kind: Leaf["kind"]): readonly Value[] {
    const { bundle, object, generation } = ownOfB;
    if (kind === "number") return [generation, 2n ** 32n - 1n];
    if (kind === "bytes") return [bundle, object, Buffer.from(theirs), Buffer.from(b.identity.certificate)];
    const digest = `sha256:${Buffer.from(bundle).toString("hex")}`;
    return [
      theirs,
      `uid-of-${theirs}`,
      "treasury",
      `treasury@${theirs}`,
      `spiffe://drover/cluster/${theirs}`,
      b.joinToken,
      b.user,
      digest,
    ];
  }

  /** What must be in no answer: names of the other cluster that were not sent, and what is its alone. */
  function leaks({ messages, details }: Answer, sent: Buffer): readonly string[] {
    const said = readable(Buffer.concat([...messages, Buffer.from(details)]));
    const secret = [canaryOf("treasury"), theirs, `uid-of-${theirs}`, "treasury"];
    return secret.filter((text) => said.includes(text) && !sent.includes(text));
  }

  it("T23: gets nothing of another cluster by any field of any call of any service, and changes nothing of it", async () => {
    const before = await look();
    const asked: string[] = [];
    const wrong: string[] = [];
    const codes = new Map<string, Set<Status>>();
    const attack = async (call: Rpc, requests: readonly Buffer[], what: string, deadlineMs?: number): Promise<void> => {
      asked.push(what);
      const answer = await send(a, call, requests, deadlineMs);
      codes.set(call.path, (codes.get(call.path) ?? new Set()).add(answer.code));
      for (const leak of leaks(answer, Buffer.concat(requests))) wrong.push(`${what}: ${leak}`);
    };
    for (const call of contract.rpcs) {
      const { path, request, clientStreaming } = call;
      const attackWith = async (message: Buffer, what: string): Promise<void> => {
        await attack(call, clientStreaming ? [hello(ownOfA), message, ping] : [message], what);
        if (what.includes(" hello.")) await attack(call, [message, ping], `${what}, first`, 500);
      };
      // All at once that the other cluster would say.
      await attackWith(encode(request, ownOfB), path);
      for (const leaf of contract.leavesOf(request)) {
        const values = namesOfB(leaf.kind);
        for (const [index, value] of values.entries()) {
          await attackWith(encode(request, ownOfA, leaf, value), `${path} ${leaf.path} ${index}`);
        }
        await attackWith(encode(request, ownOfB, leaf), `${path} ${leaf.path} of all that it says`);
      }
    }
    expect(wrong).toEqual([]);
    expect(await look()).toEqual(before);
    expect(asked.length).toBeGreaterThan(300);
    // Each call was one that the hub serves, and none ended in a fault of its own.
    expect(codes.size).toBe(contract.rpcs.length);
    expect(codes.get(rpc("Renew").path)).toContain(Status.OK);
    const faults = [...codes].filter(([, found]) => found.has(Status.UNIMPLEMENTED) || found.has(Status.UNKNOWN));
    expect(faults).toEqual([]);
  });

  it("T23: answers no question that was asked of another cluster", async () => {
    const { request } = rpc("Connect");
    const stream = b.grpc.makeBidiStreamRequest(rpc("Connect").path, same, same);
    stream.on("error", () => undefined);
    const question = new Promise<string>((resolve) => {
      stream.on("data", (message: Buffer) => {
        const { body } = ConnectResponse.decode(message);
        if (body?.$case === "inspect") resolve(body.value.id);
      });
    });
    stream.write(hello(ownOfB));
    await vi.waitFor(async () => expect((await api.clusters.get(theirs, signal)).state).not.toBe("offline"), patience);
    const tree = api.targets.tree({ app: "treasury", cluster: theirs }, signal);
    const id = await question;
    const answer = (text: string): Buffer =>
      contract.encode(request, ({ path }) => {
        if (path === "inspection.id") return id;
        return path === "inspection.result" ? Buffer.from(JSON.stringify({ nodes: [], by: text })) : undefined;
      });
    expect(await send(a, rpc("Connect"), [hello(ownOfA), answer(mine), ping])).toMatchObject({ code: Status.OK });
    stream.write(answer(theirs));
    expect(await tree).toMatchObject({ by: theirs });
    stream.end();
  });
});
