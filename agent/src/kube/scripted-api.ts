import type { KubeAnswer, KubeApi, KubeRequest, StreamAnswer } from "./api.ts";

/** An API server of a script, for tests of what is hard to make a real one do. */
export interface ScriptedApi extends KubeApi {
  /** `VERB path` of every call so far. */
  readonly calls: readonly string[];
}

export interface Script {
  readonly request?: (request: KubeRequest) => KubeAnswer | Promise<KubeAnswer>;
  readonly stream?: (path: string, signal: AbortSignal) => StreamAnswer | Promise<StreamAnswer>;
}

export function createScriptedApi(script: Script): ScriptedApi {
  const calls: string[] = [];
  return {
    calls,
    request(request) {
      calls.push(`${request.method} ${request.path}`);
      return Promise.resolve(script.request?.(request) ?? refused(404));
    },
    stream(path, _accept, signal) {
      calls.push(`WATCH ${path}`);
      return Promise.resolve(script.stream?.(path, signal) ?? refused(404));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

export function answered(body: unknown, status = 200): KubeAnswer {
  return { kind: "ok", status, body };
}

export function refused(status: number, reason = "") {
  return { kind: "refused", refusal: { status, reason, message: "", about: "", causes: [] } } as const;
}
