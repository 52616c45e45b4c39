import { formatObjectKey, objectKey } from "@drover/shared/kube/manifest";
import { isClusterScoped } from "@drover/shared/kube/scope";
import type { Problem } from "@drover/shared/problems";

import { select } from "../desired.ts";
import { concerns } from "../placement.ts";
import type { Project } from "./index.ts";

const nobody: ReadonlySet<string> = new Set();

/** Objects that two applications have on one cluster: only one of them will get it (E43). */
export function lintOwners({ applications, placements, clusters, rendered }: Project): readonly Problem[] {
  const problems: Problem[] = [];
  const owners = new Map<string, { readonly application: string; readonly on: ReadonlySet<string> }[]>();
  for (const { name, labels, namespace } of applications) {
    const own = placements.filter((placement) => concerns(placement, { name, labels }));
    const on: ReadonlySet<string> = new Set(select(own, clusters, nobody).selected.keys());
    for (const { object, at } of rendered.get(name) ?? []) {
      const key = objectKey(object);
      const place = key.namespace === "" && !isClusterScoped(object) ? namespace : key.namespace;
      const id = formatObjectKey({ ...key, namespace: place });
      const others = owners.get(id) ?? [];
      const rival = others.find((other) => other.application !== name && !other.on.isDisjointFrom(on));
      if (rival !== undefined) {
        const [cluster = ""] = rival.on.intersection(on);
        const message = `${name} and ${rival.application} both have ${id} on ${cluster}`;
        problems.push({ code: "object-twice", severity: "error", message, ...(at === undefined ? {} : { at }) });
      }
      owners.set(id, [...others, { application: name, on }]);
    }
  }
  return problems;
}
