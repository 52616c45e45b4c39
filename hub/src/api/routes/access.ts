import {
  auditCheckSchema,
  auditListSchema,
  auditQuerySchema,
  canQuerySchema,
  canSchema,
  createdTokenSchema,
  createTokenSchema,
  holderSchema,
  tokenQuerySchema,
  tokenSchema,
} from "@drover/shared/api/access";
import { listSchema } from "@drover/shared/api/types";
import { DroverError } from "@drover/shared/errors";
import { Type } from "typebox";

import { covers } from "../../core/access/roles.ts";
import { whyNot } from "../access/guard.ts";
import { found, type RouteContext, type Routes } from "../context.ts";
import { parseLabelSelector } from "../label-selector.ts";
import { listPage } from "../paging.ts";

/** Who may do what, and who did. */
export function accessRoutes(app: Routes, { backend }: RouteContext): void {
  app.get("/self", { schema: operations.readSelf }, ({ holder: { name, roles, scope, expiresAtMs, person } }) => ({
    name,
    roles: [...roles],
    scope,
    expires: expiresAtMs,
    ...(person === undefined ? {} : { person: { ...person } }),
  }));

  app.get("/self/can", { schema: operations.canSelf }, (request) => {
    const { reason, roles } = whyNot(request, request.query, backend);
    return { allowed: reason === undefined, reason: reason ?? "", roles: [...roles] };
  });

  app.get("/tokens", { schema: operations.listTokens }, ({ query }) =>
    listPage(backend.tokens(), query, ({ name }) => name),
  );

  app.post("/tokens", { schema: operations.createToken }, async ({ holder, body, intents }, reply) => {
    const more = body.roles.find((role) => !covers(holder.roles, role));
    if (more !== undefined) {
      throw new DroverError(
        "forbidden",
        `the token ${holder.name} cannot make one that may do more than itself: ${more}`,
        {
          hint: "that takes a token for the role owner",
        },
      );
    }
    if (body.scope !== undefined && body.scope !== "") parseLabelSelector(body.scope);
    return reply.code(201).send(await intents.createToken(body, holder));
  });

  app.delete("/tokens/:name", { schema: operations.revokeToken }, async ({ params: { name }, intents }, reply) => {
    const names = (): string[] => backend.tokens().map((token) => token.name);
    found(
      names().find((one) => one === name),
      "token",
      name,
      names,
    );
    await intents.revokeToken(name);
    return reply.code(204).send(null);
  });

  app.get("/audit", { schema: operations.listAudit }, ({ query }) => backend.audit(query));

  app.get("/audit/check", { schema: operations.checkAudit }, () => backend.checkAudit());
}

const operations = {
  readSelf: {
    operationId: "readSelf",
    summary: "Read whose token this is, and what it is for",
    response: { 200: holderSchema },
  },
  canSelf: {
    operationId: "canSelf",
    summary: "Whether this token may do something, and who may",
    querystring: canQuerySchema,
    response: { 200: canSchema },
  },
  listTokens: {
    operationId: "listTokens",
    summary: "List the tokens that people made, without the tokens themselves",
    querystring: tokenQuerySchema,
    response: { 200: listSchema(tokenSchema) },
  },
  createToken: {
    operationId: "createToken",
    summary: "Make a token that may do no more than the one that it is made with; it is told this once",
    body: createTokenSchema,
    response: { 201: createdTokenSchema },
  },
  revokeToken: {
    operationId: "revokeToken",
    summary: "End a token at once, and its open event streams within seconds",
    params: Type.Object({ name: Type.String() }),
    response: { 204: Type.Null() },
  },
  listAudit: {
    operationId: "listAudit",
    summary: "List who did what, oldest first",
    querystring: auditQuerySchema,
    response: { 200: auditListSchema },
  },
  checkAudit: {
    operationId: "checkAudit",
    summary: "Recompute the chain of the audit log",
    response: { 200: auditCheckSchema },
  },
};
