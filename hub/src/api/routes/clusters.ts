import { cordonClusterSchema, labelClusterSchema, revokeClusterSchema } from "@drover/shared/api/cluster-changes";
import { joinClusterSchema, joinedClusterSchema } from "@drover/shared/api/join";
import { clusterQuerySchema, clusterSchema, listSchema } from "@drover/shared/api/types";
import { Type } from "typebox";

import { found, type ByName, type Routes } from "../context.ts";
import { checkLabels, parseLabelSelector } from "../label-selector.ts";
import { listPage } from "../paging.ts";

export function clusterRoutes(app: Routes): void {
  const cluster = ({ sight, params: { name } }: ByName) =>
    found(sight.cluster(name), "cluster", name, () => sight.clusters().map((candidate) => candidate.name));

  app.get("/clusters", { schema: operations.listClusters }, ({ query, sight }) => {
    const matches = query.labelSelector === undefined ? () => true : parseLabelSelector(query.labelSelector);
    const clusters = sight.clusters().filter((candidate) => matches(candidate.labels));
    return listPage(clusters, query, (candidate) => candidate.name);
  });

  app.get("/clusters/:name", { schema: operations.getCluster }, (request) => cluster(request));

  app.post("/clusters", { schema: operations.joinCluster }, async (request, reply) => {
    checkLabels(request.body.labels ?? {});
    return reply.code(201).send(await request.intents.joinCluster(request.body));
  });

  app.patch("/clusters/:name/labels", { schema: operations.labelCluster }, (request) => {
    checkLabels(request.body.labels);
    const { name } = cluster(request);
    return request.intents.labelCluster(name, request.body.labels);
  });

  app.patch("/clusters/:name/cordon", { schema: operations.cordonCluster }, (request) => {
    const { name } = cluster(request);
    return request.intents.cordonCluster(name, request.body);
  });

  app.post("/clusters/:name/accept", { schema: operations.acceptCluster }, (request) => {
    const { name } = cluster(request);
    return request.intents.acceptCluster(name);
  });

  app.post("/clusters/:name/reject", { schema: operations.rejectCluster }, (request) => {
    const { name } = cluster(request);
    return request.intents.rejectCluster(name);
  });

  app.post("/clusters/:name/revoke", { schema: operations.revokeCluster }, (request) => {
    const { name } = cluster(request);
    return request.intents.revokeCluster(name, request.body);
  });

  app.post("/clusters/:name/rotate", { schema: operations.rotateCluster }, (request) => {
    const { name } = cluster(request);
    return request.intents.rotateCluster(name);
  });

  app.post("/clusters/:name/uninstall", { schema: operations.uninstallCluster }, async (request, reply) => {
    const { name } = cluster(request);
    return reply.code(202).send(await request.intents.uninstallCluster(name));
  });

  app.delete("/clusters/:name", { schema: operations.removeCluster }, async (request, reply) => {
    await request.intents.removeCluster(cluster(request).name);
    return reply.code(204).send(null);
  });
}

const params = Type.Object({ name: Type.String() });

const operations = {
  listClusters: {
    operationId: "listClusters",
    summary: "List clusters",
    querystring: clusterQuerySchema,
    response: { 200: listSchema(clusterSchema) },
  },
  getCluster: { operationId: "getCluster", summary: "Read a cluster", params, response: { 200: clusterSchema } },
  joinCluster: {
    operationId: "joinCluster",
    summary: "Register a cluster and make the manifest that its agent joins with",
    body: joinClusterSchema,
    response: { 201: joinedClusterSchema },
  },
  labelCluster: {
    operationId: "labelCluster",
    summary: "Set and remove labels; null removes",
    params,
    body: labelClusterSchema,
    response: { 200: clusterSchema },
  },
  cordonCluster: {
    operationId: "cordonCluster",
    summary: "Keep applications away that the cluster does not have, or let them come again",
    params,
    body: cordonClusterSchema,
    response: { 200: clusterSchema },
  },
  acceptCluster: {
    operationId: "acceptCluster",
    summary: "Let in the agent that waits to take a cluster over; or a cluster that was revoked or locked",
    params,
    response: { 200: clusterSchema },
  },
  rejectCluster: {
    operationId: "rejectCluster",
    summary: "Turn away the agent that waits to take a cluster over",
    params,
    response: { 200: clusterSchema },
  },
  uninstallCluster: {
    operationId: "uninstallCluster",
    summary: "Have the agent of a cluster remove what it runs, now or when it is back, and forget the cluster then",
    params,
    response: { 202: clusterSchema },
  },
  rotateCluster: {
    operationId: "rotateCluster",
    summary: "Have the agent of a cluster get a new certificate with a new key, now or when it is back",
    params,
    response: { 200: clusterSchema },
  },
  revokeCluster: {
    operationId: "revokeCluster",
    summary: "Let in nothing more that speaks for a cluster now; it stays registered, and what runs there stays",
    params,
    body: revokeClusterSchema,
    response: { 200: clusterSchema },
  },
  removeCluster: {
    operationId: "removeCluster",
    summary: "Forget a cluster and revoke its certificate; what runs there stays",
    params,
    response: { 204: Type.Null() },
  },
};
