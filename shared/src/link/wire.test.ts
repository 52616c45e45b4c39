import {
  ApplyState,
  ConnectRequest,
  ConnectResponse,
  InspectKind,
  ObjectHealth,
  Phase,
} from "@drover/proto/gen/drover/agent/v1/agent";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { adoptPolicies, defaultSync, driftModes, type SyncOptions } from "../sync-options.ts";
import { maxHistory, type AgentMessage, type Assignments, type HubMessage, type Report } from "./link.ts";
import { decodeAssignments, encodeAssignments } from "./wire-assignments.ts";
import {
  agentMessageFromWire,
  agentMessageToWire,
  credentialsFromWire,
  credentialsToWire,
  hubMessageFromWire,
  hubMessageToWire,
} from "./wire.ts";

const text = fc.string({ maxLength: 40 });
const counter = fc.maxSafeNat();
const digest = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => `sha256:${Buffer.from(bytes).toString("hex")}`);
const digestOrNone = fc.oneof(digest, fc.constant(""));
const health = fc.constantFrom(
  "Current",
  "Progressing",
  "Suspended",
  "Degraded",
  "Failed",
  "Terminating",
  "NotFound",
  "Unknown",
);
const failure = fc.record({ code: text, message: text });

const objectReport = fc.record(
  {
    key: fc.record({ group: text, kind: text, namespace: text, name: text }),
    version: text,
    apply: fc.constantFrom("applied", "pending", "failed", "pruning", "held", "abandoned"),
    health,
    reason: text,
    message: text,
    drift: fc.record({ paths: fc.array(text, { maxLength: 3 }), by: text, foundAtMs: counter, repaired: fc.boolean() }),
  },
  { requiredKeys: ["key", "version", "apply", "health", "reason", "message"] },
);

const heldPrune = fc.record({ digest: text, objects: fc.nat(), reason: text });
const report: fc.Arbitrary<Report> = fc
  .tuple(
    fc.record({
      application: text,
      sequence: counter,
      epoch: text,
      generation: counter,
      bundle: digestOrNone,
      applied: digestOrNone,
      commit: text,
      phase: fc.constantFrom("applying", "applied", "failed", "removing", "removed"),
      health,
      reason: text,
      message: text,
      objects: fc.array(objectReport, { maxLength: 4 }),
      receivedAtMs: counter,
      appliedAtMs: counter,
    }),
    fc.option(heldPrune, { nil: undefined }),
    fc.option(digest, { nil: undefined }),
  )
  .map(([fields, held, sum]) => ({
    ...fields,
    ...(held === undefined ? {} : { heldPrune: held }),
    ...(sum === undefined ? {} : { digest: sum }),
  }));

const hello = fc
  .record({
    agentVersion: text,
    clusterUid: text,
    kubernetesVersion: text,
    provider: text,
    region: text,
    nodes: fc.nat(),
    epoch: text,
    generation: counter,
  })
  .chain((told) =>
    fc.oneof(
      fc.constant(told),
      digest.map((apis) => ({ ...told, apis })),
      fc.record({ accepted: digest, reported: digest }).map((sums) => ({ ...told, ...sums })),
      fc.array(text, { minLength: 1, maxLength: 3 }).map((features) => ({ ...told, features })),
      fc.uuid().map((run) => ({ ...told, run })),
      digest.map((accepted) => ({ ...told, accepted })),
      fc
        .record({ staleSinceMs: counter, policy: digest, frozen: fc.boolean() })
        .map((standing) => ({ ...told, standing })),
    ),
  );

const agentMessage: fc.Arbitrary<AgentMessage> = fc.oneof(
  fc.record({ kind: fc.constant("hello" as const), hello }),
  fc.record({
    kind: fc.constant("acknowledgement" as const),
    acknowledgement: fc.record(
      { epoch: text, generation: counter, refusal: failure },
      { requiredKeys: ["epoch", "generation"] },
    ),
  }),
  fc.record({ kind: fc.constant("report" as const), report }),
  fc.record({
    kind: fc.constant("inspection" as const),
    inspection: fc.oneof(
      fc.record({ id: text }),
      fc.record({ id: text, error: failure }),
      fc.record({ id: text, result: fc.uint8Array().map((bytes) => Buffer.from(bytes)) }),
    ),
  }),
);

const bytes = fc.uint8Array().map((array) => Buffer.from(array));
const signed = fc.record({ payload: bytes, signature: bytes, keyId: text });
const hubMessage: fc.Arbitrary<HubMessage> = fc.oneof(
  fc.record({ kind: fc.constant("assignments" as const), signed }),
  fc.record({ kind: fc.constant("assignments" as const), signed, content: fc.array(bytes, { minLength: 1 }) }),
  fc.record({ kind: fc.constant("beat" as const), signed }),
  fc.record({
    kind: fc.constant("inspect" as const),
    inspect: fc.record({ id: text, application: text, what: fc.constantFrom("diff", "tree", "rbac", "apis") }),
  }),
);

const signature = fc.record({
  keyId: text,
  cluster: text,
  expiresAtMs: counter,
  signature: fc.uint8Array({ minLength: 1 }).map((array) => Buffer.from(array).toString("base64")),
});

const sync: fc.Arbitrary<SyncOptions> = fc.record({
  adopt: fc.constantFrom(...adoptPolicies),
  drift: fc.constantFrom(...driftModes),
  ignore: fc.array(
    fc.record({
      group: text,
      kind: text,
      namespace: text,
      name: text,
      paths: fc.array(text, { maxLength: 2 }),
      managers: fc.array(text, { maxLength: 2 }),
    }),
    { maxLength: 2 },
  ),
  recreate: fc.boolean(),
  allOrNothing: fc.boolean(),
  gateTimeoutMs: fc.integer({ min: 1_000, max: 86_400_000 }),
  dependsOn: fc.array(fc.string(), { maxLength: 3 }),
  serviceAccount: text,
  healthRules: fc.array(
    fc.record({
      group: text,
      kind: text,
      failed: text,
      degraded: text,
      progressing: text,
      suspended: text,
      current: text,
      message: text,
    }),
    { maxLength: 2 },
  ),
});

const assignments: fc.Arbitrary<Assignments> = fc.record({
  cluster: fc.string({ minLength: 1 }),
  clusterUid: text,
  epoch: fc.string({ minLength: 1 }),
  generation: counter,
  history: fc.array(digest, { maxLength: maxHistory }),
  issuedAtMs: counter,
  freshForMs: fc.nat(),
  targets: fc.uniqueArray(
    fc
      .record({
        application: fc.string({ minLength: 1 }).map((name) => `run ${name}`),
        bundle: digest,
        repository: text,
        commit: text,
        namespace: text,
        createNamespace: fc.boolean(),
        prune: fc.boolean(),
        seenAtMs: counter,
        syncRequest: counter,
        sync,
        confirmPrune: text,
      })
      .chain((target) =>
        fc.oneof(
          fc.constant(target),
          fc.array(signature, { minLength: 1, maxLength: 3 }).map((signatures) => ({ ...target, signatures })),
        ),
      ),
    { maxLength: 5, selector: ({ application }) => application },
  ),
  tombstones: fc.uniqueArray(
    fc.record({
      application: text.map((name) => `remove ${name}`),
      reason: text,
      detach: fc.boolean(),
      confirmPrune: text,
    }),
    { maxLength: 3, selector: ({ application }) => application },
  ),
});

/** Field 99 of a kind that no contract has yet, as a newer peer might send it. */
const unknownField = Buffer.from([0x9a, 0x06, 0x03, 0x61, 0x62, 0x63]);

describe("wire mapping", () => {
  it("gives back every message of an agent as it was", () => {
    fc.assert(
      fc.property(agentMessage, (message) => {
        const bytes = ConnectRequest.encode(agentMessageToWire(message)).finish();
        expect(agentMessageFromWire(ConnectRequest.decode(bytes))).toEqual(message);
      }),
    );
  });

  it("gives back every message of a hub as it was", () => {
    fc.assert(
      fc.property(hubMessage, (message) => {
        const bytes = ConnectResponse.encode(hubMessageToWire(message)).finish();
        expect(hubMessageFromWire(ConnectResponse.decode(bytes))).toEqual(message);
      }),
    );
  });

  it("gives back assignments as they were, also with fields that only a newer hub knows", () => {
    fc.assert(
      fc.property(assignments, (value) => {
        const payload = encodeAssignments(value);
        expect(decodeAssignments(payload)).toEqual(value);
        expect(decodeAssignments(Buffer.concat([payload, unknownField]))).toEqual(value);
      }),
    );
  });

  it("never throws anything but document_invalid over assignments of any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (payload) => {
        try {
          decodeAssignments(payload);
        } catch (error) {
          expect(error).toMatchObject({ code: "document_invalid" });
        }
      }),
    );
  });
});

describe("E72: a newer peer", () => {
  it("may send kinds of messages that this one does not know", () => {
    expect(agentMessageFromWire(ConnectRequest.decode(unknownField))).toBeUndefined();
    expect(hubMessageFromWire(ConnectResponse.decode(unknownField))).toBeUndefined();
  });

  it("may send values that this one does not know: they are never read as good news", () => {
    const known = agentMessageToWire({ kind: "report", report: sampleReport });
    if (known.body?.$case !== "report") throw new Error("not a report");
    const [object] = known.body.value.objects;
    if (object === undefined) throw new Error("no object");
    const strange = {
      ...known.body.value,
      phase: Phase.UNRECOGNIZED,
      health: ObjectHealth.UNRECOGNIZED,
      objects: [{ ...object, apply: ApplyState.UNRECOGNIZED, health: ObjectHealth.UNSPECIFIED }],
    };
    expect(agentMessageFromWire({ body: { $case: "report", value: strange } })).toMatchObject({
      report: { phase: "applying", health: "Unknown", objects: [{ apply: "pending", health: "Unknown" }] },
    });
  });

  it("may ask questions that this one does not know", () => {
    const value = { id: "1", application: "web", what: InspectKind.UNRECOGNIZED };
    expect(hubMessageFromWire({ body: { $case: "inspect", value } })).toBeUndefined();
  });
});

describe("E72: an older peer", () => {
  it("may leave out what it does not know", () => {
    const empty = Buffer.alloc(0);
    const report = ConnectRequest.decode(Buffer.from([0x1a, 0x00]));
    expect(agentMessageFromWire(report)).toMatchObject({ kind: "report", report: { bundle: "", objects: [] } });
    expect(agentMessageFromWire(ConnectRequest.decode(empty))).toBeUndefined();
  });

  it("that reports an object without a key reports nothing about it", () => {
    const value = agentMessageToWire({ kind: "report", report: sampleReport });
    if (value.body?.$case !== "report") throw new Error("not a report");
    const objects = value.body.value.objects.map((object) => ({ ...object, key: undefined }));
    const message = agentMessageFromWire({ body: { $case: "report", value: { ...value.body.value, objects } } });
    expect(message).toMatchObject({ report: { objects: [] } });
  });
});

describe("assignments", () => {
  const valid: Assignments = {
    cluster: "dev-1",
    clusterUid: "",
    epoch: "e",
    generation: 1,
    history: [],
    issuedAtMs: 0,
    freshForMs: 0,
    targets: [],
    tombstones: [],
  };

  it("need a cluster, and a bundle for each target", () => {
    expect(() => decodeAssignments(encodeAssignments({ ...valid, cluster: "" }))).toThrow("name no cluster");
    const target = {
      application: "web",
      bundle: "",
      repository: "",
      commit: "",
      namespace: "",
      createNamespace: false,
      prune: true,
      seenAtMs: 0,
      syncRequest: 0,
      sync: defaultSync,
      confirmPrune: "",
    };
    expect(() => decodeAssignments(encodeAssignments({ ...valid, targets: [target] }))).toThrow("names no bundle");
  });

  it("cannot jump to a generation that no later one could ever exceed", () => {
    // Field 3, varint 2^63.
    const payload = Buffer.concat([
      encodeAssignments(valid),
      Buffer.from([0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
    ]);
    expect(() => decodeAssignments(payload)).toThrow("out of range");
  });
});

describe("reports", () => {
  it("are cut to what one field may hold", () => {
    const long = { ...sampleReport, message: "x".repeat(5_000) };
    const back = agentMessageFromWire(agentMessageToWire({ kind: "report", report: long }));
    expect(back?.kind === "report" && back.report.message).toHaveLength(1_024);
  });
});

describe("credentials", () => {
  const whole = { cluster: "dev-1", certificate: "c", authority: "a", signingKey: "s", signingKeyId: "k" };

  it("come through whole or not at all", () => {
    expect(credentialsFromWire(credentialsToWire(whole))).toEqual(whole);
    expect(credentialsFromWire(undefined)).toBeUndefined();
    for (const key of Object.keys(whole)) expect(credentialsFromWire({ ...whole, [key]: "" })).toBeUndefined();
  });
});

const sampleReport: Report = {
  application: "web",
  sequence: 1,
  epoch: "e",
  generation: 1,
  bundle: "",
  applied: "",
  commit: "",
  phase: "applied",
  health: "Current",
  reason: "",
  message: "",
  objects: [
    {
      key: { group: "", kind: "ConfigMap", namespace: "shop", name: "web" },
      version: "v1",
      apply: "applied",
      health: "Current",
      reason: "",
      message: "",
    },
  ],
  receivedAtMs: 0,
  appliedAtMs: 0,
};
