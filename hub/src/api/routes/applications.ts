import { confirmPlacementSchema, controlRolloutSchema } from "@drover/shared/api/rollouts";
import {
  applicationDetailSchema,
  applicationQuerySchema,
  applicationSchema,
  listSchema,
  syncResultSchema,
} from "@drover/shared/api/types";
import { Type } from "typebox";

import { found, type ByName, type Routes } from "../context.ts";
import { listPage } from "../paging.ts";

export function applicationRoutes(app: Routes): void {
  const application = ({ sight, params: { name } }: ByName) =>
    found(sight.application(name), "app", name, () => sight.applications().map((candidate) => candidate.name));

  app.get("/applications", { schema: operations.listApplications }, ({ query, sight }) =>
    listPage(sight.applications(), query, (candidate) => candidate.name),
  );

  app.get("/applications/:name", { schema: operations.getApplication }, (request) => application(request));

  app.post("/applications/:name/sync", { schema: operations.syncApplication }, async (request, reply) => {
    const { name } = application(request);
    return reply.code(202).send({ targets: [...(await request.intents.syncApplication(name))] });
  });

  app.post("/applications/:name/rollout", { schema: operations.controlRollout }, (request) => {
    const { name } = application(request);
    return request.intents.controlRollout(name, request.body);
  });

  app.post("/applications/:name/confirm-placement", { schema: operations.confirmPlacement }, (request) => {
    const { name } = application(request);
    return request.intents.confirmPlacement(name, request.body.digest);
  });
}

const params = Type.Object({ name: Type.String() });

const operations = {
  listApplications: {
    operationId: "listApplications",
    summary: "List applications",
    querystring: applicationQuerySchema,
    response: { 200: listSchema(applicationSchema) },
  },
  getApplication: {
    operationId: "getApplication",
    summary: "Read an application with its conditions and problems",
    params,
    response: { 200: applicationDetailSchema },
  },
  syncApplication: {
    operationId: "syncApplication",
    summary: "Have every agent of the application compare and apply again",
    params,
    response: { 202: syncResultSchema },
  },
  confirmPlacement: {
    operationId: "confirmPlacement",
    summary: "Confirm a change of where an application runs that is too wide to happen by itself",
    params,
    body: confirmPlacementSchema,
    response: { 200: applicationDetailSchema },
  },
  controlRollout: {
    operationId: "controlRollout",
    summary: "Pause, resume or approve the rollouts of an application",
    params,
    body: controlRolloutSchema,
    response: { 200: applicationDetailSchema },
  },
};
