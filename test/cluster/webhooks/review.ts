import type { User } from "../cluster-state.ts";
import type { ServedKind } from "../resources/kinds.ts";
import type { KubeObject } from "../schema/schema.ts";

/** What a client asks for, as webhooks get to see it. */
export type Review = {
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  readonly kind: ServedKind;
  readonly subresource: string | undefined;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly object: KubeObject | undefined;
  readonly oldObject: KubeObject | undefined;
  readonly dryRun: boolean;
};

/** Stands between a client's write and the store; the cluster's own controllers write past it. */
export type Admission = {
  /** The object as the mutating webhooks leave it. Throws what they refuse it with. */
  readonly mutate: (review: Review) => KubeObject | undefined;
  /** Throws what a validating webhook refuses it with. */
  readonly validate: (review: Review) => void;
};

/** The AdmissionReview that is sent. */
export function reviewBody(review: Review, user: User, uid: string): object {
  const { kind, subresource, name, namespace, dryRun } = review;
  const { group, version, plural } = kind.info;
  const gvk = { group, version, kind: kind.info.kind };
  const gvr = { group, version, resource: plural };
  const options = { CREATE: "CreateOptions", UPDATE: "UpdateOptions", DELETE: "DeleteOptions" }[review.operation];
  const request = {
    uid,
    kind: gvk,
    resource: gvr,
    ...(subresource === undefined ? {} : { subResource: subresource }),
    requestKind: gvk,
    requestResource: gvr,
    ...(subresource === undefined ? {} : { requestSubResource: subresource }),
    ...(name === "" ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    operation: review.operation,
    userInfo: { username: user.name, groups: user.groups },
    object: review.object ?? null,
    oldObject: review.oldObject ?? null,
    dryRun,
    options: { kind: options, apiVersion: "meta.k8s.io/v1", ...(dryRun ? { dryRun: ["All"] } : {}) },
  };
  return { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", request };
}
