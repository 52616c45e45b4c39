import { Type, type Static } from "typebox";

/** How a cluster joins, in the admin API. */

const text = (description: string) => Type.String({ description });

export const labels = Type.Record(Type.String(), Type.String(), {
  description: "Labels, as Kubernetes understands them",
});

export const joinClusterSchema = Type.Object(
  {
    name: Type.String({ pattern: "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" }),
    labels: Type.Optional(labels),
    rights: Type.Optional(
      Type.Union([Type.Literal("all"), Type.Literal("least")], {
        description: "What the agent may do: all that Git may hold (default), or only act as named service accounts",
      }),
    ),
    link: Type.Optional(
      Type.Union([Type.Literal("grpc"), Type.Literal("nats")], {
        description: "How the agent reaches the hub: directly (default), or through the hub's NATS broker",
      }),
    ),
  },
  { additionalProperties: false },
);

export const joinedClusterSchema = Type.Object({
  name: Type.String(),
  token: text("One-time join token: shown once, valid 15 minutes"),
  expires: Type.Integer({ description: "When the token ends, in ms since the epoch" }),
  hub: text("Address that the agent dials, host:port, or several, comma-separated"),
  brokerAccess: text("For agents with --link nats, as secret and as short-lived as the token; empty for others"),
  manifest: text("Kubernetes YAML for kubectl apply -f -"),
});

export type JoinCluster = Static<typeof joinClusterSchema>;
export type JoinedCluster = Static<typeof joinedClusterSchema>;
