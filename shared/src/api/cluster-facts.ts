import { Type } from "typebox";

/** What a cluster's agent says of itself and of its cluster; "" and 0 where it does not know. */
const facts = {
  agentVersion: Type.String(),
  kubernetesVersion: Type.String(),
  provider: Type.String({ description: "Who provides the machines: aws, gce, azure, kind" }),
  region: Type.String({ description: "Region of most of the nodes" }),
  nodes: Type.Integer(),
};

/** The facts of a cluster, as fields of it. */
export const clusterFactFields = {
  ...facts,
  settled: Type.Partial(Type.Object(facts), {
    description: "What placements still go by of the facts that changed lately; empty when they go by all of the above",
  }),
};
