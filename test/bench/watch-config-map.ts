import { request } from "node:https";
import { createInterface } from "node:readline";

import type { ClusterAccess } from "../rig/kubeconfig.ts";

export interface ConfigMapWatch extends Disposable {
  /** When an event first showed this value under `data.round`, in ms since the epoch. */
  next(value: string): Promise<number>;
}

/** Watches one ConfigMap the way any client would, and notes when a value becomes visible. */
export function watchConfigMap(access: ClusterAccess, namespace: string, name: string): ConfigMapWatch {
  const waiting = new Map<string, (at: number) => void>();
  const path = `/api/v1/namespaces/${namespace}/configmaps?watch=true&fieldSelector=metadata.name%3D${name}`;
  const call = request(`${access.url}${path}`, {
    agent: false,
    ca: access.caPem,
    headers: { authorization: `Bearer ${access.token}` },
  });
  call.on("response", (response) => {
    const lines = createInterface({ input: response });
    // Closing the watch ends its stream in the middle; nobody waits for it by then.
    lines.on("error", () => undefined);
    lines.on("line", (line) => {
      const at = Date.now();
      const event = JSON.parse(line) as { object: { data?: Record<string, string> } };
      const value = event.object.data?.["round"] ?? "";
      waiting.get(value)?.(at);
      waiting.delete(value);
    });
  });
  call.on("error", () => undefined);
  call.end();
  return {
    next: async (value) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${value} did not show in 30 s`)), 30_000);
        waiting.set(value, (at) => {
          clearTimeout(late);
          resolve(at);
        });
      }),
    [Symbol.dispose]: () => call.destroy(),
  };
}
