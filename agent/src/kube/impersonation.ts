import type { KubeApi } from "./api.ts";

/** A service account; written `namespace/name`. */
export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
}

/**
 * The API server with somebody else's rights. Of a service account only the name is sent: the server adds its groups,
 * and so asks of us the right to impersonate that account and not also those groups.
 */
export function asUser(kube: KubeApi, user: string): KubeApi {
  return {
    request: (request, signal) => kube.request({ ...request, as: user }, signal),
    stream: (path, accept, signal) => kube.stream(path, accept, signal),
    [Symbol.asyncDispose]: () => kube[Symbol.asyncDispose](),
  };
}

/** The name that the API server knows a service account by. */
export function userOf({ namespace, name }: ServiceAccount): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

export function formatAccount({ namespace, name }: ServiceAccount): string {
  return `${namespace}/${name}`;
}

/** undefined for "", which stands for the agent's own rights. */
export function parseAccount(text: string): ServiceAccount | undefined {
  const slash = text.indexOf("/");
  return slash < 0 ? undefined : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}
