import {
  addCredentialSchema,
  credentialPathSchema,
  credentialQuerySchema,
  credentialSchema,
  replaceCredentialSchema,
} from "@drover/shared/api/credential";
import { listSchema } from "@drover/shared/api/types";
import { Type } from "typebox";

import { found, type RouteContext, type Routes } from "../context.ts";
import { listPage } from "../paging.ts";

export function credentialRoutes(app: Routes, { backend }: RouteContext): void {
  const credential = (name: string) =>
    found(backend.credential(name), "credential", name, () => backend.credentials().map((one) => one.name));

  app.get("/credentials", { schema: operations.listCredentials }, ({ query }) =>
    listPage(backend.credentials(), query, ({ name }) => name),
  );

  app.get("/credentials/:name", { schema: operations.getCredential }, (request) => credential(request.params.name));

  app.post("/credentials", { schema: operations.addCredential }, async (request, reply) => {
    const { name, ...parts } = request.body;
    return reply.code(201).send(await request.intents.addCredential(name, parts));
  });

  app.put("/credentials/:name", { schema: operations.replaceCredential }, (request) =>
    request.intents.replaceCredential(request.params.name, request.body),
  );

  app.delete("/credentials/:name", { schema: operations.removeCredential }, async (request, reply) => {
    await request.intents.removeCredential(credential(request.params.name).name);
    return reply.code(204).send(null);
  });
}

const params = Type.Object({ name: Type.String() });

const operations = {
  listCredentials: {
    operationId: "listCredentials",
    summary: "List the credentials that the hub holds, without what is secret",
    querystring: credentialQuerySchema,
    response: { 200: listSchema(credentialSchema) },
  },
  getCredential: {
    operationId: "getCredential",
    summary: "Read what a credential is for, of what it consists and who names it",
    params,
    response: { 200: credentialSchema },
  },
  addCredential: {
    operationId: "addCredential",
    summary: "Add a credential, which can be written but never read",
    body: addCredentialSchema,
    response: { 201: credentialSchema },
  },
  replaceCredential: {
    operationId: "replaceCredential",
    summary:
      "Put another credential in the place of the one of that name, or add it; what names it is looked at at once",
    params: credentialPathSchema,
    body: replaceCredentialSchema,
    response: { 200: credentialSchema },
  },
  removeCredential: {
    operationId: "removeCredential",
    summary: "Forget a credential; what names it is read no more, and what runs stays",
    params,
    response: { 204: Type.Null() },
  },
};
