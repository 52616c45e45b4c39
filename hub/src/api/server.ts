import { pageTokenHeader } from "@drover/shared/api/session";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";
import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";

import { diskFull } from "../core/disk-full.ts";
import { guard, type GuardOptions } from "./access/guard.ts";
import type { TokenDigest } from "./access/holder.ts";
import { createAuthenticator } from "./auth.ts";
import type { Backend } from "./backend.ts";
import { checkBrowser, isLoopback, securityHeaders } from "./browser-defence.ts";
import type { RouteContext, Routes } from "./context.ts";
import { createHttpServer } from "./http-server.ts";
import { answerOnce } from "./idempotency.ts";
import { defaultLimits, type ApiLimits } from "./limits.ts";
import type { Logins } from "./logins.ts";
import { openApiOptions } from "./openapi.ts";
import { accessRoutes } from "./routes/access.ts";
import { applicationRoutes } from "./routes/applications.ts";
import { clusterRoutes } from "./routes/clusters.ts";
import { credentialRoutes } from "./routes/credentials.ts";
import { eventRoutes } from "./routes/events.ts";
import { loginRoutes } from "./routes/logins.ts";
import { maintenanceRoutes } from "./routes/maintenance.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { sourceRoutes } from "./routes/sources.ts";
import { operationalRoutes, versionRoute } from "./routes/system.ts";
import { targetRoutes } from "./routes/targets.ts";
import { webhookPath, webhookRoutes } from "./routes/webhooks.ts";

export interface ApiOptions {
  readonly backend: Backend;
  readonly tokens: readonly TokenDigest[];
  readonly log: Logger;
  readonly clock: Clock;
  readonly limits?: Partial<ApiLimits>;
  /** Names, beside loopback ones, that the hub answers to when it listens on loopback. */
  readonly hosts?: readonly string[];
  /** Serves HTTPS. Without it tokens travel in clear, which only loopback or a proxy in front makes good. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Absent: there is no identity provider, and only tokens let people in. */
  readonly logins?: Logins | undefined;
  /** Makes the id of a request; default: 8 random bytes in hex. */
  readonly newTrace?: () => string;
}

export interface ApiAddress {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

export interface Api extends AsyncDisposable {
  /** Starts to listen. Returns the base address, such as `http://127.0.0.1:7474`. */
  listen(address: ApiAddress): Promise<string>;
  /** Stops listening, ends streams, and lets requests under way finish. */
  close(): Promise<void>;
}

/** For whoever is in the middle of a request when the hub stops: as long as it lasts, no other hub has the store. */
const closeGraceMs = 5_000;

/** The admin API: the routes of /api/v1, the webhooks, the probes, the metrics and its own description. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { backend, clock, log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const closing = new AbortController();
  const { whose, holds } = checks(options, limits);
  const context: RouteContext = { backend, clock, limits, closing: closing.signal, holds, logins: options.logins };
  const app = createHttpServer({ log, limits, tls: options.tls, newTrace: options.newTrace });
  let hosts: ReadonlySet<string> | "any" = new Set(options.hosts);
  app.addHook("onRequest", (request, reply, done) => {
    void reply.headers({ ...securityHeaders, "x-request-id": request.id });
    attempt(done, () => {
      if (request.url.length > limits.urlBytes) throw new DroverError("input_too_large", "the address is too long");
      // A forge calls the hub by whatever name leads to it, and what it sends is proved by the body, not by a browser.
      if (request.routeOptions.url === webhookPath) return;
      checkBrowser({ host: request.headers.host, origin: request.headers.origin }, { hosts });
    });
  });
  guard(app, { backend, authenticate: whose, now: () => clock.now() });
  answerOnce(app, backend, () => clock.now());
  // Streams would keep `close` waiting for ever.
  app.addHook("preClose", (done) => {
    closing.abort(new DroverError("canceled", "the hub is stopping"));
    done();
  });
  await app.register(swagger, openApiOptions(backend.version.version));
  await app.register(
    (scope, _options, done) => {
      registerApi(scope, context);
      done();
    },
    { prefix: "/api/v1" },
  );
  await app.register((scope, _options, done) => {
    webhookRoutes(scope, context);
    done();
  });
  await app.register((scope, _options, done) => {
    loginRoutes(scope, context);
    done();
  });
  // Within `after`, so that the description plugin sees these routes as well.
  await app.after();
  operationalRoutes(app, context);
  await app.ready();
  const close = (): Promise<void> => closeSoon(app, clock);
  return {
    async listen({ host, port }) {
      // Off loopback the hub cannot know its names, and re-binding gains nothing: a page has no token to send.
      hosts = isLoopback(host) ? new Set(options.hosts) : "any";
      try {
        return await app.listen({ host, port, listenTextResolver: () => "admin API listening" });
      } catch (cause) {
        throw new DroverError("config_invalid", `the admin API cannot listen on ${host}:${port}`, {
          hint: "another hub may be running there; give another --api-address",
          cause,
        });
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Breaks off what is still under way when the grace has passed. */
async function closeSoon(app: FastifyInstance, clock: Clock): Promise<void> {
  const closed = new AbortController();
  const breakOff = clock.sleep(closeGraceMs, closed.signal).then(
    () => app.server.closeAllConnections(),
    () => undefined,
  );
  await app.close();
  closed.abort();
  await breakOff;
}

/** Who sends a request, and whether that is so still. */
function checks(
  { backend, tokens, logins, clock }: ApiOptions,
  limits: ApiLimits,
): Pick<RouteContext, "holds"> & { readonly whose: GuardOptions["authenticate"] } {
  const known = {
    tokens,
    issued: (id: string) => backend.issuedToken(id),
    session: (id: string, used: boolean) => backend.session(id, used),
    bearer: logins?.bearer,
  };
  const { authenticate, holds } = createAuthenticator({ ...known, clock, limits });
  return {
    holds: ({ headers, holder }) => holds(holder, headers.authorization),
    whose: async ({ headers, ip, method }) => {
      const { authorization, cookie, [pageTokenHeader]: pageToken } = headers;
      return authenticate({ authorization, cookie, pageToken: [pageToken].flat()[0], method, address: ip });
    },
  };
}

function registerApi(scope: Routes, context: RouteContext): void {
  scope.addHook("preHandler", (request, _reply, done) => {
    const reads = request.method === "GET" || request.method === "HEAD";
    attempt(done, () => {
      if (!reads && context.backend.full()) throw diskFull();
    });
  });
  versionRoute(scope, context);
  clusterRoutes(scope);
  applicationRoutes(scope);
  targetRoutes(scope, context);
  sourceRoutes(scope, context);
  credentialRoutes(scope, context);
  accessRoutes(scope, context);
  sessionRoutes(scope, context);
  maintenanceRoutes(scope, context);
  eventRoutes(scope, context);
}

/** Runs a check in a hook: what it throws becomes the answer. */
function attempt(done: (error?: Error) => void, check: () => void): void {
  try {
    check();
  } catch (cause) {
    done(DroverError.from(cause));
    return;
  }
  done();
}
