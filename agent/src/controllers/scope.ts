import { DroverError } from "@drover/shared/errors";

import { apiVersionOf, type Resource } from "../kube/api.ts";
import type { Context } from "./context.ts";

/** The objects of a kind that one watch is for: all of them, or those of one namespace. */
export interface Scope {
  readonly resource: Resource;
  /** "" = everywhere. */
  readonly namespace: string;
}

/** By group, version and kind: of a kind in two versions both are watched, since objects are compared in their own. */
export function nameOfKind(resource: Pick<Resource, "group" | "version" | "kind">): string {
  return `${apiVersionOf(resource)} ${resource.kind}`;
}

/** `unknown`: kinds of which the server cannot tell now whether it has them. What watches them stays. */
export async function neededScopes(
  { state, discovery, log }: Pick<Context, "state" | "discovery" | "log">,
  { narrow, signal }: { readonly narrow: ReadonlySet<string>; readonly signal: AbortSignal },
): Promise<{ readonly scopes: ReadonlyMap<string, Scope>; readonly unknown: ReadonlySet<string> }> {
  const found = new Map<string, Resource | undefined>();
  const scopes = new Map<string, Scope>();
  const unknown = new Set<string>();
  for (const application of state.applications.values()) {
    for (const { key, version, uid } of application.objects.values()) {
      if (uid === "") continue;
      const { group, kind } = key;
      const name = nameOfKind({ group, version, kind });
      if (!found.has(name)) {
        const asked = discovery.known({ group, version, kind }) ?? discovery.find({ group, version, kind }, signal);
        found.set(
          name,
          await Promise.resolve(asked).catch((cause: unknown) => {
            unknown.add(name);
            log.debug({ kind: name, code: DroverError.from(cause).code }, "kind to watch is not known");
            return undefined;
          }),
        );
      }
      const resource = found.get(name);
      if (resource === undefined) continue;
      if (narrow.has(name)) scopes.set(`${name} ${key.namespace}`, { resource, namespace: key.namespace });
      else if (!scopes.has(name)) scopes.set(name, { resource, namespace: "" });
    }
  }
  return { scopes, unknown };
}
