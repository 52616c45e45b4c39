import { randomBytes } from "node:crypto";

import { invalidValue } from "../admission/causes.ts";
import { accountUser } from "../authorization/impersonate.ts";
import { decide, rulesFor } from "../authorization/rbac.ts";
import type { PolicyRule } from "../authorization/rules.ts";
import { timestamp } from "../clock.ts";
import type { ClusterState, User } from "../cluster-state.ts";
import { invalid } from "../http/status.ts";
import { isRecord, listAt, numberAt, recordAt, textAt, type JsonRecord } from "../json.ts";
import { parseBody, type Body } from "./decode.ts";
import { requireLive } from "./get.ts";
import { apiVersionOf } from "./kinds.ts";
import type { Reply } from "./reply.ts";
import type { ResourceRequest } from "./request.ts";

/** Kinds that are questions, not objects: a create answers them and stores nothing. */
export function isReview(collection: string): boolean {
  return collection.startsWith("authorization.k8s.io/") || collection.startsWith("authentication.k8s.io/");
}

/** Answers a review: who somebody is, or what they may do. Throws 422 for a question about nothing. */
export function answerReview(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  const parsed = parseBody(body);
  const review = isRecord(parsed) ? parsed : {};
  const { info } = request.kind;
  const metadata = recordAt(review, "metadata") ?? {};
  const status = statusOf(state, request, review);
  const shown = { ...review, apiVersion: apiVersionOf(info), kind: info.kind, metadata, status };
  return { type: "json", status: 201, body: shown };
}

function statusOf(state: ClusterState, request: ResourceRequest, review: JsonRecord): unknown {
  const { kind, user } = request;
  switch (kind.info.kind) {
    case "SelfSubjectReview":
      return { userInfo: { username: user.name, groups: user.groups } };
    case "TokenReview":
      return tokenStatus(state, textAt(review, "spec", "token") ?? "");
    case "SelfSubjectRulesReview":
      return rulesStatus(rulesFor(state, user, textAt(review, "spec", "namespace") ?? ""));
    case "SelfSubjectAccessReview":
      return accessStatus(state, request, { user, spec: recordAt(review, "spec") });
    default: {
      const spec = recordAt(review, "spec");
      const groups = listAt(spec, "groups").filter((each) => typeof each === "string");
      return accessStatus(state, request, { user: { name: textAt(spec, "user") ?? "", groups }, spec });
    }
  }
}

function accessStatus(
  state: ClusterState,
  { kind }: ResourceRequest,
  { user, spec }: { user: User; spec: JsonRecord | undefined },
): unknown {
  const resource = recordAt(spec, "resourceAttributes");
  const path = recordAt(spec, "nonResourceAttributes");
  if ((resource === undefined) === (path === undefined)) {
    const why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    throw invalid(kind.info, "", [invalidValue("spec.resourceAttributes", resource, why)]);
  }
  const text = (name: string): string => textAt(resource ?? path, name) ?? "";
  const verb = text("verb");
  const { allowed, reason } =
    resource === undefined
      ? decide(state, { user, verb, path: text("path") })
      : decide(state, {
          user,
          verb,
          group: text("group"),
          resource: text("resource"),
          subresource: text("subresource"),
          namespace: text("namespace"),
          name: text("name"),
        });
  return { allowed, ...(reason === "" ? {} : { reason }) };
}

function rulesStatus(rules: readonly PolicyRule[]): unknown {
  const given = (rule: object): object =>
    Object.fromEntries(Object.entries(rule).filter(([, values]) => Array.isArray(values) && values.length > 0));
  return {
    resourceRules: rules.filter((rule) => rule.nonResourceURLs.length === 0).map(given),
    nonResourceRules: rules.filter((rule) => rule.nonResourceURLs.length > 0).map(given),
    incomplete: false,
  };
}

/** Whom a bearer token stands for; undefined when it is unknown, or of a service account that is gone. */
export function userOfToken(state: ClusterState, token: string): User | undefined {
  const user = state.tokens.get(token);
  if (user?.account === undefined) return user;
  const { namespace, name, uid } = user.account;
  return state.store.collection("/serviceaccounts").get(namespace, name)?.metadata.uid === uid ? user : undefined;
}

function tokenStatus(state: ClusterState, token: string): unknown {
  const user = userOfToken(state, token);
  if (user === undefined) return { user: {}, error: "invalid bearer token" };
  return { authenticated: true, user: { username: user.name, groups: user.groups } };
}

const defaultLifetimeSeconds = 3600;

/** A token of a service account (`kubectl create token`); it stays valid as long as the account is there and the cluster runs. */
export function requestToken(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  const account = requireLive(state, request);
  const { namespace = "", name = "", uid = "" } = account.metadata;
  const asked = body.bytes.length === 0 ? {} : parseBody(body);
  const seconds = numberAt(asked, "spec", "expirationSeconds") ?? defaultLifetimeSeconds;
  const token = randomBytes(24).toString("base64url");
  state.tokens.set(token, { ...accountUser(namespace, name), account: { namespace, name, uid } });
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
