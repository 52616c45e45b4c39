import { blameQuerySchema, blameSchema, whySchema } from "@drover/shared/api/explanations";
import {
  confirmPruneSchema,
  diffSchema,
  listSchema,
  rbacSchema,
  signTargetSchema,
  syncResultSchema,
  targetDetailSchema,
  targetQuerySchema,
  targetSchema,
  treeSchema,
  type Target,
  type TargetDetail,
} from "@drover/shared/api/types";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";

import { askAgent, found, type RouteContext, type Routes } from "../context.ts";
import { listPage } from "../paging.ts";

const path = "/targets/:app/:cluster";

/** The address that people use. Neither name can hold an `@`. */
const addressOf = (target: Pick<Target, "app" | "cluster">): string => `${target.app}@${target.cluster}`;

type ByTarget = Pick<FastifyRequest, "sight"> & { readonly params: Pick<Target, "app" | "cluster"> };

export function targetRoutes(app: Routes, context: RouteContext): void {
  const { backend } = context;
  const target = ({ sight, params }: ByTarget): TargetDetail =>
    found(sight.target(params.app, params.cluster), "target", addressOf(params), () =>
      sight.targets().map((candidate) => addressOf(candidate)),
    );

  app.get("/targets", { schema: operations.listTargets }, ({ query, sight }) => {
    const targets = sight
      .targets()
      .filter(
        (candidate) =>
          (query.app === undefined || candidate.app === query.app) &&
          (query.cluster === undefined || candidate.cluster === query.cluster),
      );
    return listPage(targets, query, addressOf);
  });

  app.get(path, { schema: operations.getTarget }, (request) => target(request));

  app.post(`${path}/sync`, { schema: operations.syncTarget }, async (request, reply) => {
    const { app: name, cluster } = target(request);
    return reply.code(202).send({ targets: [...(await request.intents.syncApplication(name, cluster))] });
  });

  app.post(`${path}/confirm-prune`, { schema: operations.confirmPrune }, async (request, reply) => {
    const { app: name, cluster } = target(request);
    await request.intents.confirmPrune(name, cluster, request.body.digest);
    return reply.code(202).send({ targets: [addressOf({ app: name, cluster })] });
  });

  app.post(`${path}/signatures`, { schema: operations.signTarget }, async (request, reply) => {
    const { app: name, cluster } = target(request);
    await request.intents.signTarget(name, cluster, request.body);
    return reply.code(202).send({ targets: [addressOf({ app: name, cluster })] });
  });

  // Asked of what is no target too: why it is none.
  const pair = ({ sight, params: { app: name, cluster } }: ByTarget): Pick<Target, "app" | "cluster"> => {
    found(sight.application(name), "app", name, () => sight.applications().map((one) => one.name));
    found(sight.cluster(cluster), "cluster", cluster, () => sight.clusters().map((one) => one.name));
    return { app: name, cluster };
  };

  app.get(`${path}/why`, { schema: operations.explainTarget }, (request) => {
    const { app: name, cluster } = pair(request);
    return backend.why(name, cluster, context.closing);
  });

  app.get(`${path}/blame`, { schema: operations.blameObject }, (request) => {
    const { app: name, cluster } = pair(request);
    return backend.blame(name, cluster, request.query, context.closing);
  });

  app.get(`${path}/diff`, { schema: operations.diffTarget }, (request, reply) => {
    const { app: name, cluster } = target(request);
    return askAgent(reply, context, (signal) => backend.diff(name, cluster, signal));
  });

  app.get(`${path}/tree`, { schema: operations.readTree }, (request, reply) => {
    const { app: name, cluster } = target(request);
    return askAgent(reply, context, (signal) => backend.tree(name, cluster, signal));
  });

  app.get(`${path}/rbac`, { schema: operations.readRbac }, (request, reply) => {
    const { app: name, cluster } = target(request);
    return askAgent(reply, context, (signal) => backend.rbac(name, cluster, signal));
  });
}

const params = Type.Object({ app: Type.String(), cluster: Type.String() });

const operations = {
  listTargets: {
    operationId: "listTargets",
    summary: "List targets: applications on clusters",
    querystring: targetQuerySchema,
    response: { 200: listSchema(targetSchema) },
  },
  getTarget: {
    operationId: "getTarget",
    summary: "Read a target with its objects, overrides and conditions",
    params,
    response: { 200: targetDetailSchema },
  },
  syncTarget: {
    operationId: "syncTarget",
    summary: "Have the agent compare and apply again",
    params,
    response: { 202: syncResultSchema },
  },
  confirmPrune: {
    operationId: "confirmPrune",
    summary: "Confirm the deletions that the agent holds back, by the digest that names them",
    params,
    body: confirmPruneSchema,
    response: { 202: syncResultSchema },
  },
  signTarget: {
    operationId: "signTarget",
    summary: "Hand on what somebody has signed of its bundle, outside of the hub",
    params,
    body: signTargetSchema,
    response: { 202: syncResultSchema },
  },
  explainTarget: {
    operationId: "explainTarget",
    summary: "Read why a cluster has an application, or has it not, and what each override does",
    params,
    response: { 200: whySchema },
  },
  blameObject: {
    operationId: "blameObject",
    summary: "Read what set each field of an object of a target",
    params,
    querystring: blameQuerySchema,
    response: { 200: blameSchema },
  },
  diffTarget: {
    operationId: "diffTarget",
    summary: "Compare what is desired with what lives in the cluster; the agent answers",
    params,
    response: { 200: diffSchema },
  },
  readTree: {
    operationId: "readTree",
    summary: "Read the objects of a target and what they own; the agent answers",
    params,
    response: { 200: treeSchema },
  },
  readRbac: {
    operationId: "readRbac",
    summary: "Read the least rights that applying a target asks for; the agent answers",
    params,
    response: { 200: rbacSchema },
  },
};
