import { backupSchema, confirmRecoverySchema, recoverySchema } from "@drover/shared/api/maintenance";
import { Type } from "typebox";

import type { RouteContext, Routes } from "../context.ts";

/** What keeps the hub's store, and brings it back. */
export function maintenanceRoutes(app: Routes, { backend }: RouteContext): void {
  app.get("/backups", { schema: operations.listBackups }, () => ({ items: [...backend.backups()] }));

  app.post("/backups", { schema: operations.makeBackup }, async ({ intents }, reply) =>
    reply.code(201).send(await intents.makeBackup()),
  );

  app.get("/recovery", { schema: operations.readRecovery }, () => backend.recovery());

  app.post("/recovery", { schema: operations.confirmRecovery }, async ({ body, intents }) =>
    intents.confirmRecovery(body),
  );
}

const operations = {
  listBackups: {
    operationId: "listBackups",
    summary: "List the copies of the hub's store",
    response: { 200: Type.Object({ items: Type.Array(backupSchema) }) },
  },
  makeBackup: {
    operationId: "makeBackup",
    summary: "Copy the hub's store into its data folder",
    response: { 201: backupSchema },
  },
  readRecovery: {
    operationId: "readRecovery",
    summary: "Read which agents are ahead of the hub's store, since it was restored or lost",
    response: { 200: recoverySchema },
  },
  confirmRecovery: {
    operationId: "confirmRecovery",
    summary: "Confirm that the hub's store holds, whatever agents have accepted before",
    body: confirmRecoverySchema,
    response: { 200: recoverySchema },
  },
};
