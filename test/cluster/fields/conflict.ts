import type { Owner } from "./entries.ts";
import { formatPaths } from "./set.ts";
import type { FieldSet } from "./set.ts";

/** Paths that an apply would change although `owner` owns them. */
export type Conflict = { readonly owner: Owner; readonly set: FieldSet };

/** One field that another manager owns with another value, as in the `causes` of the server's 409. */
export type ConflictCause = {
  /** `.spec.template.spec.containers[name="web"].image` */
  readonly field: string;
  /** `conflict with "kubectl-edit" using apps/v1` */
  readonly message: string;
};

export function conflictCauses(conflicts: readonly Conflict[]): ConflictCause[] {
  return conflicts
    .map(({ owner, set }) => ({ message: `conflict with ${describe(owner)}`, fields: formatPaths(set) }))
    .sort((a, b) => (a.message < b.message ? -1 : 1))
    .flatMap(({ message, fields }) => fields.map((field) => ({ field, message })));
}

function describe({ manager, operation, apiVersion, subresource }: Owner): string {
  const name = JSON.stringify(manager);
  const via = subresource === undefined || subresource === "" ? name : `${name} with subresource "${subresource}"`;
  return operation === "Update" ? `${via} using ${apiVersion}` : via;
}
