import { randomBytes } from "node:crypto";
import type { Server as SecureServer } from "node:https";
import type { Socket } from "node:net";

import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";
import type { FastifyHttpsOptions, FastifyInstance, FastifyReply, FastifyServerOptions } from "fastify";
import { fastify, LogController } from "fastify";

import { securityHeaders } from "./browser-defence.ts";
import type { ApiLimits } from "./limits.ts";
import { problemReply } from "./problem-reply.ts";
import { compileValidator } from "./validation.ts";

export interface HttpOptions {
  readonly log: Logger;
  readonly limits: ApiLimits;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly newTrace: (() => string) | undefined;
}

/** A Fastify instance with Drover's bounds, error answers and log lines, and no routes yet. */
export function createHttpServer(options: HttpOptions): FastifyInstance {
  const { limits } = options;
  const serverOptions: FastifyServerOptions = {
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "trace" }),
    genReqId: options.newTrace ?? (() => randomBytes(8).toString("hex")),
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    clientErrorHandler: refuseBrokenHttp,
    // An address that no route can match is refused before any hook and any error handler.
    frameworkErrors: (cause, request, reply) => {
      const { problem } = problemReply(cause, request.id);
      const untyped: FastifyReply = reply;
      void untyped.headers({ ...securityHeaders, "x-request-id": request.id });
      void untyped.code(problem.status).type("application/problem+json").send(problem);
    },
  };
  const http = { maxHeaderSize: limits.headerBytes, headersTimeout: limits.requestTimeoutMs };
  const app =
    options.tls === undefined ? fastify({ ...serverOptions, http }) : createTls(serverOptions, http, options.tls);
  app.server.maxConnections = limits.connections;
  app.setValidatorCompiler(compileValidator);
  // The handlers' types say what is sent; a compiled serializer would silently drop what the schema does not name.
  app.setSerializerCompiler(() => (data: unknown) => JSON.stringify(data));
  answerProblems(app);
  logAnswers(app);
  return app;
}

/** Fastify's types tell HTTP and HTTPS servers apart; routes do not. */
function createTls(options: FastifyServerOptions, http: object, tls: { cert: string; key: string }): FastifyInstance {
  const https: FastifyHttpsOptions<SecureServer>["https"] = { ...http, ...tls, minVersion: "TLSv1.3" };
  const secure: FastifyHttpsOptions<SecureServer> = { ...(options as object), https };
  return fastify(secure);
}

function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler((cause, request, reply) => {
    const { problem, unexpected } = problemReply(cause, request.id);
    if (unexpected) request.log.error({ err: cause, code: problem.code }, "request failed");
    if (problem.status === 401) reply.header("www-authenticate", "Bearer");
    return reply.code(problem.status).type("application/problem+json").send(problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const error = new DroverError("not_found", `there is no ${request.method} ${request.url.split("?")[0]}`, {
      hint: "all routes: /openapi.json",
    });
    const { problem } = problemReply(error, request.id);
    return reply.code(problem.status).type("application/problem+json").send(problem);
  });
}

function logAnswers(app: FastifyInstance): void {
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "none";
    const durationMs = Math.round(reply.elapsedTime);
    request.log.debug({ method: request.method, route, status: reply.statusCode, durationMs }, "request answered");
    done();
  });
}

/** What is not HTTP, or larger than the header bound, gets a short answer and no more attention. */
function refuseBrokenHttp(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
