import type { JoinCluster, JoinedCluster } from "@drover/shared/api/join";
import { DroverError } from "@drover/shared/errors";

import type { Enrollment } from "../controllers/enrollment.ts";
import type { World } from "../controllers/world.ts";
import { joinManifest } from "../core/join-manifest.ts";
import { clusterDefaults, type Store } from "../store/store.ts";

export interface JoinDeps {
  readonly store: Store;
  readonly world: Pick<World, "connections">;
  readonly enrollment: Pick<Enrollment, "invite">;
  /** Called with the answer before it is written what it is about. */
  readonly foretell?: (answer: object) => void;
  readonly settings: {
    readonly agentImage: string;
    /** Address for join manifests, once it is known. */
    readonly hubAddress: () => string;
    /** What lets the agent of a cluster reach the broker until then; undefined = the hub has none. */
    readonly brokerAccess: ((cluster: string, untilMs: number) => string) | undefined;
  };
}

/** Registers a cluster, and makes what its agent joins with. `labelled` is called once its labels are written. */
export function joinCluster(
  { store, world, enrollment, settings, foretell }: JoinDeps,
  labelled: (cluster: string) => void,
  { name, labels = {}, rights = "all", link = "grpc" }: JoinCluster,
): JoinedCluster {
  const inviteToBroker = link === "grpc" ? (): string => "" : settings.brokerAccess;
  if (inviteToBroker === undefined) {
    throw new DroverError("precondition_failed", "this hub has no NATS broker", {
      hint: "start it with --nats-url, or join without --link nats",
    });
  }
  const known = store.cluster(name);
  if (known !== undefined && known.uid !== "" && world.connections.has(name)) {
    throw new DroverError("cluster_exists", `a cluster named ${name} is connected already`, {
      hint: `choose another name, or remove it first: drover cluster remove ${name}`,
    });
  }
  if (known?.leaving === true) {
    throw new DroverError("precondition_failed", `what ${name} runs is being uninstalled`, {
      hint: `wait until it is gone, or give that up: drover cluster remove ${name}`,
    });
  }
  const record = known ?? { ...clusterDefaults, name };
  // Of no use before the cluster is there, which is what this is done with.
  const { token, expiresAtMs } = enrollment.invite(name);
  const hub = settings.hubAddress();
  const brokerAccess = inviteToBroker(name, expiresAtMs);
  const manifest = joinManifest({ cluster: name, token, hub, brokerAccess, image: settings.agentImage, rights });
  const joined = { name, token, expires: expiresAtMs, hub, brokerAccess, manifest };
  foretell?.(joined);
  store.putCluster({ ...record, labels: { ...record.labels, ...labels } });
  labelled(name);
  return joined;
}
