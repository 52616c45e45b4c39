import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { text } from "node:stream/consumers";

import type { KubeObject } from "../schema/object.ts";
import type { ConflictCause } from "./conflict.ts";

/** How to reach a real API server; the rig's control planes have this shape. */
export type RealServer = { readonly url: string; readonly caPem: string; readonly token: string };

export type Verb = "create" | "apply" | "update" | "merge" | "strategic" | "json";

export type Write = {
  readonly verb: Verb;
  /** Path of the collection: `/apis/apps/v1/namespaces/default/deployments`. */
  readonly collection: string;
  readonly name: string;
  readonly manager: string;
  readonly force?: boolean;
  readonly subresource?: string;
  readonly body: unknown;
};

export type Answer = {
  readonly status: number;
  readonly object: KubeObject;
  readonly message: string;
  readonly causes: readonly ConflictCause[];
};

const requests: Readonly<Record<Verb, readonly [method: string, contentType: string]>> = {
  create: ["POST", "application/json"],
  apply: ["PATCH", "application/apply-patch+yaml"],
  update: ["PUT", "application/json"],
  merge: ["PATCH", "application/merge-patch+json"],
  strategic: ["PATCH", "application/strategic-merge-patch+json"],
  json: ["PATCH", "application/json-patch+json"],
};

const answerTimeoutMs = 10_000;

export async function writeTo(server: RealServer, write: Write): Promise<Answer> {
  const { verb, collection, name, subresource } = write;
  const path =
    verb === "create" ? collection : `${collection}/${name}${subresource === undefined ? "" : `/${subresource}`}`;
  const force = verb === "apply" ? `&force=${String(write.force ?? false)}` : "";
  const [method, contentType] = requests[verb];
  return call(server, {
    method,
    contentType,
    path: `${path}?fieldManager=${encodeURIComponent(write.manager)}${force}`,
    body: JSON.stringify(write.body),
  });
}

export async function readFrom(server: RealServer, path: string): Promise<KubeObject | undefined> {
  const answer = await call(server, { method: "GET", contentType: "application/json", path, body: undefined });
  return answer.status === 200 ? answer.object : undefined;
}

type Call = {
  readonly method: string;
  readonly contentType: string;
  readonly path: string;
  readonly body: string | undefined;
};

async function call(server: RealServer, { method, contentType, path, body }: Call): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request(server.url + path, {
    method,
    ca: server.caPem,
    headers: { authorization: `Bearer ${server.token}`, "content-type": contentType },
    signal: AbortSignal.timeout(answerTimeoutMs),
  });
  outgoing.once("error", reject);
  outgoing.once("response", resolve);
  outgoing.end(body);
  const response = await promise;
  const status = response.statusCode ?? 0;
  const answer = await text(response);
  // A path that is not served yet is answered in plain text.
  if (!answer.startsWith("{")) return { status, object: noObject, message: answer, causes: [] };
  const parsed = JSON.parse(answer) as KubeObject & { message?: string; details?: { causes?: ConflictCause[] } };
  const causes = (parsed.details?.causes ?? []).map(({ field, message }) => ({ field, message }));
  return { status, object: parsed, message: parsed.message ?? "", causes };
}

const noObject: KubeObject = { apiVersion: "", kind: "", metadata: {} };
