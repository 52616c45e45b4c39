import { blameQuerySchema, blameSchema, whySchema } from "@drover/shared/api/explanations";
import {
  confirmPruneSchema,
  diffSchema,
  listSchema,
  rbacSchema,
  syncResultSchema,
  targetDetailSchema,
  targetQuerySchema,
  targetSchema,
  treeSchema,
  type Target,
  type TargetDetail,
} from "@drover/shared/api/types";
import { Type } from "typebox";

import { askAgent, found, type RouteContext, type Routes } from "../context.ts";
import { listPage } from "../paging.ts";

const path = "/targets/:app/:cluster";

/** The address that people use. Neither name can hold an `@`. */
const addressOf = (target: Pick<Target, "app" | "cluster">): string => `${target.app}@${target.cluster}`;

export function targetRoutes(app: Routes, context: RouteContext): void {
  const { backend } = context;
  const target = (address: Pick<Target, "app" | "cluster">): TargetDetail =>
    found(backend.target(address.app, address.cluster), "target", addressOf(address), () =>
      backend.targets().map((candidate) => addressOf(candidate)),
    );

  app.get("/targets", { schema: operations.listTargets }, ({ query }) => {
    const targets = backend
      .targets()
      .filter(
        (candidate) =>
          (query.app === undefined || candidate.app === query.app) &&
          (query.cluster === undefined || candidate.cluster === query.cluster),
      );
    return listPage(targets, query, addressOf);
  });

  app.get(path, { schema: operations.getTarget }, (request) => target(request.params));

  app.post(`${path}/sync`, { schema: operations.syncTarget }, async (request, reply) => {
    const { app: name, cluster } = target(request.params);
    return reply.code(202).send({ targets: [...(await backend.syncApplication(name, cluster))] });
  });

  app.post(`${path}/confirm-prune`, { schema: operations.confirmPrune }, async (request, reply) => {
    const { app: name, cluster } = target(request.params);
    await backend.confirmPrune(name, cluster, request.body.digest);
    return reply.code(202).send({ targets: [addressOf({ app: name, cluster })] });
  });

  // Asked of what is no target too: why it is none.
  const names = ({ app: name, cluster }: Pick<Target, "app" | "cluster">): void => {
    found(backend.application(name), "app", name, () => backend.applications().map((one) => one.name));
    const clusters = backend.clusters().map((one) => one.name);
    found(
      clusters.find((one) => one === cluster),
      "cluster",
      cluster,
      () => clusters,
    );
  };

  app.get(`${path}/why`, { schema: operations.explainTarget }, ({ params: { app: name, cluster } }) => {
    names({ app: name, cluster });
    return backend.why(name, cluster, context.closing);
  });

  app.get(`${path}/blame`, { schema: operations.blameObject }, ({ params: { app: name, cluster }, query }) => {
    names({ app: name, cluster });
    return backend.blame(name, cluster, query, context.closing);
  });

  app.get(`${path}/diff`, { schema: operations.diffTarget }, (request, reply) => {
    const { app: name, cluster } = target(request.params);
    return askAgent(reply, context, (signal) => backend.diff(name, cluster, signal));
  });

  app.get(`${path}/tree`, { schema: operations.readTree }, (request, reply) => {
    const { app: name, cluster } = target(request.params);
    return askAgent(reply, context, (signal) => backend.tree(name, cluster, signal));
  });

  app.get(`${path}/rbac`, { schema: operations.readRbac }, (request, reply) => {
    const { app: name, cluster } = target(request.params);
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
