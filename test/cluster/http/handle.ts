import type { ClusterState, User } from "../cluster-state.ts";
import { discover } from "../discovery/discover.ts";
import { dispatchAdmitted } from "../resources/admitted.ts";
import type { Reply } from "../resources/reply.ts";
import { representList, representObject, type View } from "../resources/represent.ts";
import { flag, type ResourceRequest } from "../resources/request.ts";
import { readBody } from "./body.ts";
import { authorizeCaller, callerOf } from "./caller.ts";
import type { AnyRequest, AnyResponse } from "./listener.ts";
import { negotiate } from "./negotiate.ts";
import { send, sendError, sendJson, sendText } from "./respond.ts";
import { parseResourcePath } from "./router.ts";
import { badRequest, UnknownPathError } from "./status.ts";
import { streamWatch } from "./watch-response.ts";

/** What `onRequest` is told about each request, before it is answered. */
export type RequestRecord = {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly userAgent: string;
  readonly user: string;
};

/** What a fault hook may do with a request: answer with this status, or break the connection. */
export type Fault =
  | { readonly kind: "status"; readonly code: number; readonly retryAfterSeconds?: number }
  | { readonly kind: "disconnect" };

export type Hooks = {
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  readonly fault?: ((record: RequestRecord) => Fault | undefined) | undefined;
};

/** Answers one request: fault, authentication, authorization, then discovery or the verb of a resource. Never rejects. */
export async function handle(
  state: ClusterState,
  hooks: Hooks,
  request: AnyRequest,
  response: AnyResponse,
): Promise<void> {
  try {
    const url = new URL(request.url ?? "/", "https://cluster");
    const caller = callerOf(state, request);
    const record = {
      method: request.method ?? "GET",
      path: url.pathname,
      query: url.search,
      userAgent: request.headers["user-agent"] ?? "",
      user: caller.name,
    };
    hooks.onRequest?.(record);
    const fault = hooks.fault?.(record);
    if (fault !== undefined) {
      injectFault(response, fault);
      return;
    }
    const user = authorizeCaller(state, caller, record.method, url);
    await answer(state, { request, response, url, user });
  } catch (error) {
    sendError(response, error);
  }
}

type Exchange = {
  readonly request: AnyRequest;
  readonly response: AnyResponse;
  readonly url: URL;
  readonly user: User;
};

async function answer(state: ClusterState, exchange: Exchange): Promise<void> {
  const { request, response, url, user } = exchange;
  const accept = request.headers.accept;
  const bytes = await readBody(request);
  const discovered = discover(state, url.pathname, { accept, ifNoneMatch: request.headers["if-none-match"] });
  if (discovered !== undefined) {
    send(response, discovered);
    return;
  }
  const path = parseResourcePath(url.pathname, state.kinds);
  if (path === undefined) throw new UnknownPathError();
  const resourceRequest: ResourceRequest = {
    ...path,
    query: url.searchParams,
    user,
    userAgent: request.headers["user-agent"] ?? "",
  };
  const body = { bytes, contentType: request.headers["content-type"] ?? "" };
  const view = viewOf(state, resourceRequest, accept);
  reply(
    state,
    { response, view, request: resourceRequest },
    await dispatchAdmitted(state, resourceRequest, request.method ?? "GET", body),
  );
}

function viewOf(state: ClusterState, request: ResourceRequest, accept: string | undefined): View {
  const include = request.query.get("includeObject") ?? "Metadata";
  if (include !== "None" && include !== "Metadata" && include !== "Object") {
    throw badRequest(`includeObject: Unsupported value: "${include}": supported values: "Metadata", "None", "Object"`);
  }
  // A log is text, whatever the client prefers.
  const as = request.subresource === "log" ? "full" : negotiate(accept);
  return { as, kind: request.kind, table: { includeObject: include, nowMs: state.clock.now(), columns: true } };
}

function reply(
  state: ClusterState,
  exchange: { response: AnyResponse; view: View; request: ResourceRequest },
  answered: Reply,
): void {
  const { response, view, request } = exchange;
  switch (answered.type) {
    case "text":
      sendText(response, answered.status, answered.text);
      break;
    case "json":
      sendJson(response, answered.status, answered.body);
      break;
    case "object":
      sendJson(response, answered.status, representObject(view, answered.object), answered.warnings);
      break;
    case "list":
      sendJson(response, 200, representList(view, answered.items, answered.metadata));
      break;
    case "watch": {
      const seconds = Number(request.query.get("timeoutSeconds") ?? "0");
      streamWatch(response, answered.source, {
        view,
        clock: state.clock,
        bookmarks: flag(request, "allowWatchBookmarks"),
        bookmarkIntervalMs: state.settings.bookmarkIntervalMs,
        timeoutMs: seconds > 0 ? seconds * 1000 : undefined,
      });
    }
  }
}

function injectFault(response: AnyResponse, fault: Fault): void {
  if (fault.kind === "disconnect") {
    response.destroy();
    return;
  }
  const headers = fault.retryAfterSeconds === undefined ? {} : { "retry-after": String(fault.retryAfterSeconds) };
  const reason = fault.code === 429 ? "TooManyRequests" : "InternalError";
  const body = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "injected fault",
    reason,
    code: fault.code,
  };
  send(response, { status: fault.code, body: JSON.stringify(body), contentType: "application/json", headers });
}
