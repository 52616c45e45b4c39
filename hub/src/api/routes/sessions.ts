import { sessionSchema } from "@drover/shared/api/session";
import { Type } from "typebox";

import { found, type RouteContext, type Routes } from "../context.ts";

/** Who is logged in, and ending that. */
export function sessionRoutes(app: Routes, { backend }: RouteContext): void {
  app.get("/sessions", { schema: operations.listSessions }, () => ({ items: [...backend.sessions()] }));

  app.delete("/sessions/:id", { schema: operations.endSession }, async ({ params: { id }, intents }, reply) => {
    const ids = (): string[] => backend.sessions().map((session) => session.id);
    const known = ids().find((one) => one === id);
    found(known, "session", id, ids);
    await intents.endSession(id);
    return reply.code(204).send(null);
  });
}

const operations = {
  listSessions: {
    operationId: "listSessions",
    summary: "List who is logged in, who logged in first comes first",
    response: { 200: Type.Object({ items: Type.Array(sessionSchema) }) },
  },
  endSession: {
    operationId: "endSession",
    summary: "End a login at once, and its open event streams within seconds",
    params: Type.Object({ id: Type.String() }),
    response: { 204: Type.Null() },
  },
};
