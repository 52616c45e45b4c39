import { systemClock } from "@drover/shared/clock";
import { silentLog } from "@drover/shared/log";

import { ownerToken } from "./auth.ts";
import { MemoryBackend } from "./memory-backend.ts";
import { sampleFleet } from "./sample-fleet.ts";
import type { ApiOptions } from "./server.ts";
import { createApi } from "./server.ts";

export const sampleToken = "drv_sample-token";

export interface RunningApi extends AsyncDisposable {
  readonly url: string;
  readonly backend: MemoryBackend;
  /** A request with the token; `path` begins with a slash. */
  call(path: string, init?: RequestInit): Promise<Response>;
}

/** The API over the sample fleet, listening on a free port of loopback: what tests talk to. */
export async function startApi(
  options: Partial<ApiOptions> & { readonly backend?: MemoryBackend } = {},
): Promise<RunningApi> {
  const backend = options.backend ?? new MemoryBackend(sampleFleet());
  const tokens = [ownerToken("sample", sampleToken)];
  const api = await createApi({ tokens, log: silentLog, clock: systemClock, ...options, backend });
  const url = await api.listen({ host: "127.0.0.1", port: 0 });
  return {
    url,
    backend,
    call(path, init = {}) {
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${sampleToken}`);
      if (init.body !== undefined) headers.set("content-type", "application/json");
      return fetch(`${url}${path}`, { ...init, headers });
    },
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}
