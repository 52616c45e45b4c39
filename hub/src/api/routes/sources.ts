import { setSignersSchema } from "@drover/shared/api/signers";
import {
  addSourceSchema,
  listSchema,
  sourceDetailSchema,
  sourceIdentitySchema,
  sourceQuerySchema,
  sourceSchema,
  trustSourceSchema,
} from "@drover/shared/api/types";
import { setWebhookSchema, sourceWebhookSchema } from "@drover/shared/api/webhook";
import { Type } from "typebox";

import { found, type RouteContext, type Routes } from "../context.ts";
import { listPage } from "../paging.ts";

export function sourceRoutes(app: Routes, { backend }: RouteContext): void {
  const source = (name: string) =>
    found(backend.source(name), "source", name, () => backend.sources().map((candidate) => candidate.name));

  app.get("/sources", { schema: operations.listSources }, ({ query }) =>
    listPage(backend.sources(), query, (candidate) => candidate.name),
  );

  app.get("/sources/:name", { schema: operations.getSource }, (request) => source(request.params.name));

  app.post("/sources", { schema: operations.addSource }, async (request, reply) =>
    reply.code(201).send(await request.intents.addSource(request.body)),
  );

  app.delete("/sources/:name", { schema: operations.removeSource }, async (request, reply) => {
    await request.intents.removeSource(source(request.params.name).name);
    return reply.code(204).send(null);
  });

  app.post("/sources/:name/sync", { schema: operations.syncSource }, async (request, reply) => {
    const { name } = source(request.params.name);
    await request.intents.syncSource(name);
    return reply.code(202).send(source(name));
  });

  app.get("/sources/:name/identity", { schema: operations.getSourceIdentity }, (request) =>
    backend.sourceIdentity(source(request.params.name).name),
  );

  app.put("/sources/:name/host-keys", { schema: operations.trustSource }, (request) =>
    request.intents.trustSource(source(request.params.name).name, request.body),
  );

  app.put("/sources/:name/signers", { schema: operations.setSigners }, (request) =>
    request.intents.setSigners(source(request.params.name).name, request.body),
  );

  app.put("/sources/:name/webhook", { schema: operations.setWebhook }, (request) =>
    request.intents.setWebhook(source(request.params.name).name, request.body),
  );
}

const params = Type.Object({ name: Type.String() });

const operations = {
  listSources: {
    operationId: "listSources",
    summary: "List the repositories that the hub reads",
    querystring: sourceQuerySchema,
    response: { 200: listSchema(sourceSchema) },
  },
  getSource: {
    operationId: "getSource",
    summary: "Read a source with its conditions and problems",
    params,
    response: { 200: sourceDetailSchema },
  },
  addSource: {
    operationId: "addSource",
    summary: "Add a repository; its credentials can be written but never read",
    body: addSourceSchema,
    response: { 201: sourceDetailSchema },
  },
  removeSource: {
    operationId: "removeSource",
    summary: "Read the repository no more; what it put on clusters stays",
    params,
    response: { 204: Type.Null() },
  },
  syncSource: {
    operationId: "syncSource",
    summary: "Fetch now instead of at the next poll",
    params,
    response: { 202: sourceDetailSchema },
  },
  getSourceIdentity: {
    operationId: "getSourceIdentity",
    summary: "Read the public deploy key of a source over SSH; the private one never leaves the hub",
    params,
    response: { 200: sourceIdentitySchema },
  },
  trustSource: {
    operationId: "trustSource",
    summary: "Replace the pinned keys of the source's SSH server",
    params,
    body: trustSourceSchema,
    response: { 200: sourceIdentitySchema },
  },
  setSigners: {
    operationId: "setSigners",
    summary: "Take only commits that one of these has signed; without any, commits need no signature",
    params,
    body: setSignersSchema,
    response: { 200: sourceDetailSchema },
  },
  setWebhook: {
    operationId: "setWebhook",
    summary: "Let a forge tell of pushes to the source, or read the secret with which it does",
    params,
    body: setWebhookSchema,
    response: { 200: sourceWebhookSchema },
  },
};
