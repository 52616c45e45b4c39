import { invalidValue, required, tooLong } from "../admission/causes.ts";
import type { User } from "../cluster-state.ts";
import { badRequest, invalid } from "../http/status.ts";
import type { Admission } from "../webhooks/review.ts";
import type { ServedKind } from "./kinds.ts";
import type { WriteContext } from "./write.ts";

/** One request for a resource, after its path was understood. */
export type ResourceRequest = {
  readonly kind: ServedKind;
  /** Undefined for cluster-scoped kinds and for lists over all namespaces. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly query: URLSearchParams;
  readonly user: User;
  /** Undefined while no webhooks are configured. */
  readonly admission?: Admission;
  readonly userAgent: string;
};

export function dryRun(request: ResourceRequest): boolean {
  const values = request.query.getAll("dryRun").filter((value) => value !== "");
  if (values.some((value) => value !== "All")) {
    throw badRequest(`dryRun: Unsupported value: "${values.join(",")}": supported values: "All"`);
  }
  return values.length > 0;
}

export function flag(request: ResourceRequest, name: string): boolean {
  const value = request.query.get(name);
  return value === "true" || value === "1";
}

/** What every write of a request has in common. */
export function contextOf(request: ResourceRequest): Pick<WriteContext, "kind" | "subresource" | "dryRun" | "by"> {
  const { kind, subresource, user, admission } = request;
  return { kind, subresource, dryRun: dryRun(request), by: { user, admission } };
}

/** How a request that is no apply writes: under its field manager, which comes to own what it changes. */
export function writeContext(request: ResourceRequest): WriteContext {
  return { ...contextOf(request), manager: fieldManager(request), tracking: "update" };
}

const longestManager = 128;

/** The field manager of a write: the parameter, else the program part of the user agent. */
function fieldManager(request: ResourceRequest): string {
  const given = request.query.get("fieldManager") ?? "";
  checkManager(given);
  if (given !== "") return given;
  const program = request.userAgent.split("/")[0] ?? "";
  return program === "" ? "unknown" : program.slice(0, longestManager);
}

function checkManager(name: string): void {
  const field = "fieldManager";
  const causes = [
    ...(Buffer.byteLength(name) > longestManager ? [tooLong(field, longestManager)] : []),
    ...(/[\p{Cc}\p{Cf}\p{Cs}]/u.test(name)
      ? [invalidValue(field, name, "should only contain printable characters")]
      : []),
  ];
  if (causes.length > 0) throw invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", causes);
}

/** The field manager of a server-side apply, which has no default. Throws 422. */
export function requireManager(request: ResourceRequest): string {
  const name = request.query.get("fieldManager") ?? "";
  if (name !== "") return fieldManager(request);
  const cause = required("fieldManager", "is required for apply patch");
  throw invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [cause]);
}
