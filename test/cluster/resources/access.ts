import { randomBytes } from "node:crypto";

import { timestamp } from "../clock.ts";
import type { ClusterState } from "../cluster-state.ts";
import { isRecord, numberAt, recordAt, textAt } from "../json.ts";
import { parseBody, type Body } from "./decode.ts";
import { requireLive } from "./get.ts";
import { apiVersionOf } from "./kinds.ts";
import type { Reply } from "./reply.ts";
import type { ResourceRequest } from "./request.ts";

/** Kinds that are questions, not objects: a create answers them and stores nothing. */
export function isReview(collection: string): boolean {
  return collection.startsWith("authorization.k8s.io/") || collection.startsWith("authentication.k8s.io/");
}

/** There is no authorization in an embedded cluster: whoever has a token may do everything. */
export function answerReview(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  const parsed = parseBody(body);
  const review = isRecord(parsed) ? parsed : {};
  const info = request.kind.info;
  const user = { username: request.user.name, groups: request.user.groups };
  const rule = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] };
  const statuses: Record<string, unknown> = {
    SelfSubjectReview: { userInfo: user },
    SelfSubjectRulesReview: {
      resourceRules: [rule],
      nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
      incomplete: false,
    },
    TokenReview: tokenStatus(state, textAt(review, "spec", "token") ?? ""),
  };
  const status = statuses[info.kind] ?? { allowed: true };
  const metadata = recordAt(review, "metadata") ?? {};
  return {
    type: "json",
    status: 201,
    body: { ...review, apiVersion: apiVersionOf(info), kind: info.kind, metadata, status },
  };
}

function tokenStatus(state: ClusterState, token: string): unknown {
  const user = state.tokens.get(token);
  if (user === undefined) return { user: {}, error: "invalid bearer token" };
  return { authenticated: true, user: { username: user.name, groups: user.groups } };
}

const defaultLifetimeSeconds = 3600;

/** A token of a service account (`kubectl create token`); it stays valid as long as the cluster runs. */
export function requestToken(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  const account = requireLive(state, request);
  const { namespace = "", name = "" } = account.metadata;
  const asked = body.bytes.length === 0 ? {} : parseBody(body);
  const seconds = numberAt(asked, "spec", "expirationSeconds") ?? defaultLifetimeSeconds;
  const token = randomBytes(24).toString("base64url");
  const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
  state.tokens.set(token, { name: `system:serviceaccount:${namespace}:${name}`, groups });
  const expirationTimestamp = new Date(state.clock.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/u, "Z");
  return {
    type: "json",
    status: 201,
    body: {
      kind: "TokenRequest",
      apiVersion: "authentication.k8s.io/v1",
      metadata: { name, namespace, creationTimestamp: timestamp(state.clock) },
      spec: { audiences: ["https://kubernetes.default.svc"], expirationSeconds: seconds },
      status: { token, expirationTimestamp },
    },
  };
}
