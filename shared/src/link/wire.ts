import * as wire from "@drover/proto/gen/drover/agent/v1/agent";
import type * as enroll from "@drover/proto/gen/drover/enroll/v1/enroll";

import type { Digest } from "../digest.ts";
import { maxFeatureLength, maxFeatures } from "./features.ts";
import type {
  Acknowledgement,
  AgentMessage,
  EnrollResponse,
  Hello,
  HubMessage,
  Inspect,
  Inspection,
  Signed,
} from "./link.ts";
import { reportFromWire, reportToWire } from "./wire-report.ts";
import { digestFromWire, digestToWire, integerFromWire, integerToWire } from "./wire-values.ts";

export function agentMessageToWire(message: AgentMessage): wire.ConnectRequest {
  switch (message.kind) {
    case "hello":
      return { body: { $case: "hello", value: helloToWire(message.hello) } };
    case "acknowledgement":
      return { body: { $case: "acknowledgement", value: acknowledgementToWire(message.acknowledgement) } };
    case "report":
      return { body: { $case: "report", value: reportToWire(message.report) } };
    case "inspection":
      return { body: { $case: "inspection", value: inspectionToWire(message.inspection) } };
  }
}

/** Undefined for signs of life, and for what only a newer agent knows. */
export function agentMessageFromWire(request: wire.ConnectRequest): AgentMessage | undefined {
  switch (request.body?.$case) {
    case "hello":
      return { kind: "hello", hello: helloFromWire(request.body.value) };
    case "acknowledgement":
      return { kind: "acknowledgement", acknowledgement: acknowledgementFromWire(request.body.value) };
    case "report":
      return { kind: "report", report: reportFromWire(request.body.value) };
    case "inspection":
      return { kind: "inspection", inspection: inspectionFromWire(request.body.value) };
    default:
      return undefined;
  }
}

export function hubMessageToWire(message: HubMessage): wire.ConnectResponse {
  switch (message.kind) {
    case "assignments": {
      const content = (message.content ?? []).map(asBuffer);
      return { body: { $case: "assignments", value: { ...signedToWire(message.signed), content } } };
    }
    case "beat":
      return { body: { $case: "beat", value: signedToWire(message.signed) } };
    case "inspect": {
      const { id, application, what } = message.inspect;
      return { body: { $case: "inspect", value: { id, application, what: inspectKindToWire[what] } } };
    }
  }
}

/** Undefined for answers to signs of life, and for what only a newer hub knows. */
export function hubMessageFromWire(response: wire.ConnectResponse): HubMessage | undefined {
  switch (response.body?.$case) {
    case "assignments": {
      const { content, ...signed } = response.body.value;
      return { kind: "assignments", signed, ...(content.length === 0 ? {} : { content }) };
    }
    case "beat": {
      const { payload, signature, keyId } = response.body.value;
      return { kind: "beat", signed: { payload, signature, keyId } };
    }
    case "inspect": {
      const { id, application, what } = response.body.value;
      if (what === wire.InspectKind.DIFF) return { kind: "inspect", inspect: { id, application, what: "diff" } };
      if (what === wire.InspectKind.TREE) return { kind: "inspect", inspect: { id, application, what: "tree" } };
      if (what === wire.InspectKind.RBAC) return { kind: "inspect", inspect: { id, application, what: "rbac" } };
      if (what === wire.InspectKind.APIS) return { kind: "inspect", inspect: { id, application, what: "apis" } };
      return undefined;
    }
    default:
      return undefined;
  }
}

export function credentialsToWire(response: EnrollResponse): enroll.Credentials {
  const { cluster, certificate, authority, signingKey, signingKeyId } = response;
  return { cluster, certificate, authority, signingKey, signingKeyId };
}

/** Undefined when a part is missing: half of it is of no use. */
export function credentialsFromWire(credentials: enroll.Credentials | undefined): EnrollResponse | undefined {
  if (credentials === undefined) return undefined;
  const { cluster, certificate, authority, signingKey, signingKeyId } = credentials;
  const response = { cluster, certificate, authority, signingKey, signingKeyId };
  return Object.values(response).includes("") ? undefined : response;
}

/** The generated code says Buffer where it takes any bytes; this shares the memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const inspectKindToWire = {
  diff: wire.InspectKind.DIFF,
  tree: wire.InspectKind.TREE,
  rbac: wire.InspectKind.RBAC,
  apis: wire.InspectKind.APIS,
} as const satisfies Record<Inspect["what"], wire.InspectKind>;

function signedToWire({ payload, signature, keyId }: Signed): wire.SignedBeat {
  return { payload: asBuffer(payload), signature: asBuffer(signature), keyId };
}

function helloToWire({ standing, features = [], ...hello }: Hello): wire.Hello {
  const nodes = Math.max(0, Math.trunc(hello.nodes));
  return {
    ...hello,
    nodes,
    generation: integerToWire(hello.generation),
    apis: digestToWire(hello.apis ?? ""),
    run: hello.run ?? "",
    accepted: digestToWire(hello.accepted ?? ""),
    reported: digestToWire(hello.reported ?? ""),
    staleSinceMs: integerToWire(standing?.staleSinceMs ?? 0),
    policy: digestToWire(standing?.policy ?? ""),
    frozen: standing?.frozen ?? false,
    features: [...features],
  };
}

function helloFromWire(hello: wire.Hello): Hello {
  const { agentVersion, clusterUid, kubernetesVersion, provider, region, nodes, epoch } = hello;
  const facts = { agentVersion, kubernetesVersion, provider, region, nodes };
  const run = hello.run === "" ? {} : { run: hello.run };
  return {
    ...facts,
    clusterUid,
    epoch,
    generation: integerFromWire(hello.generation),
    ...digestField("apis", hello.apis),
    ...run,
    ...digestField("accepted", hello.accepted),
    ...digestField("reported", hello.reported),
    ...standingFromWire(hello),
    ...featuresFromWire(hello),
  };
}

/** An agent that names too many is not to fill the hub. */
function featuresFromWire({ features }: wire.Hello): Pick<Hello, "features"> {
  const bounded = features.slice(0, maxFeatures).filter((name) => name.length <= maxFeatureLength);
  return bounded.length === 0 ? {} : { features: bounded };
}

/** Absent for what is not a digest. */
function digestField<K extends string>(name: K, bytes: Uint8Array): Partial<Record<K, Digest>> {
  const digest = digestFromWire(bytes);
  return digest === undefined ? {} : ({ [name]: digest } as Record<K, Digest>);
}

/** Absent when nothing keeps the agent, as when it says nothing of it. */
function standingFromWire({ staleSinceMs, policy, frozen }: wire.Hello): Pick<Hello, "standing"> {
  if (staleSinceMs === 0n && policy.length === 0 && !frozen) return {};
  const standing = { staleSinceMs: integerFromWire(staleSinceMs), policy: digestFromWire(policy) ?? "", frozen };
  return { standing };
}

function acknowledgementToWire({ epoch, generation, refusal }: Acknowledgement): wire.Acknowledgement {
  return { epoch, generation: integerToWire(generation), refusal: refusal === undefined ? undefined : { ...refusal } };
}

function acknowledgementFromWire({ epoch, generation, refusal }: wire.Acknowledgement): Acknowledgement {
  const common = { epoch, generation: integerFromWire(generation) };
  return refusal === undefined ? common : { ...common, refusal: { code: refusal.code, message: refusal.message } };
}

function inspectionToWire({ id, result, error }: Inspection): wire.Inspection {
  if (error !== undefined) return { id, answer: { $case: "error", value: { ...error } } };
  if (result !== undefined) return { id, answer: { $case: "result", value: asBuffer(result) } };
  return { id, answer: undefined };
}

function inspectionFromWire({ id, answer }: wire.Inspection): Inspection {
  switch (answer?.$case) {
    case "result":
      return { id, result: answer.value };
    case "error":
      return { id, error: { code: answer.value.code, message: answer.value.message } };
    default:
      return { id };
  }
}
