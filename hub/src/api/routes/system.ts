import { versionSchema } from "@drover/shared/api/types";
import { Type } from "typebox";

import type { RouteContext, Routes } from "../context.ts";

export function versionRoute(app: Routes, { backend }: RouteContext): void {
  app.get("/version", { schema: operations.readVersion }, () => backend.version);
}

/** What probes and Prometheus read, and the description of the API: all without a token. */
export function operationalRoutes(app: Routes, { backend }: RouteContext): void {
  app.get("/healthz", { schema: operations.readHealth }, (_request, reply) => {
    void reply.type("text/plain");
    return "ok\n";
  });

  app.get("/readyz", { schema: operations.readReadiness }, (_request, reply) => {
    const ready = backend.ready();
    void reply.type("text/plain").code(ready ? 200 : 503);
    return ready ? "ready\n" : "starting\n";
  });

  app.get("/metrics", { schema: operations.readMetrics }, (_request, reply) => {
    void reply.type("text/plain; version=0.0.4; charset=utf-8");
    return backend.metrics();
  });

  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
}

const produces = ["text/plain"];
const answer = (description: string) => Type.String({ description });

const operations = {
  readVersion: { operationId: "readVersion", summary: "Read the hub's version", response: { 200: versionSchema } },
  readHealth: {
    operationId: "readHealth",
    summary: "Whether the process turns its event loop",
    produces,
    response: { 200: answer("It does") },
  },
  readReadiness: {
    operationId: "readReadiness",
    summary: "Whether the hub has started whole",
    produces,
    response: { 200: answer("It has"), 503: answer("It is starting or stopping") },
  },
  readMetrics: {
    operationId: "readMetrics",
    summary: "Prometheus metrics",
    produces,
    response: { 200: answer("Text exposition format 0.0.4") },
  },
};
