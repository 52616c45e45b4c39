import type { ClusterState } from "../cluster-state.ts";
import { cloneJson, recordAt, textAt } from "../json.ts";
import { parseBody, type Body } from "./decode.ts";
import { remove } from "./delete.ts";
import { requireLive } from "./get.ts";
import type { Reply } from "./reply.ts";
import type { ResourceRequest } from "./request.ts";
import { replace } from "./write.ts";

const success = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };

/** There are no containers, so the log says what would run. */
export function podLog(state: ClusterState, request: ResourceRequest): Reply {
  const pod = requireLive(state, request);
  const images = (recordAt(pod, "spec")?.["containers"] ?? []) as unknown[];
  const lines = images.map(
    (container) =>
      `embedded cluster: ${textAt(container, "name") ?? ""} would run ${textAt(container, "image") ?? ""}\n`,
  );
  return { type: "text", status: 200, text: lines.join("") };
}

export function evictPod(state: ClusterState, request: ResourceRequest): Reply {
  remove(state, request.kind, requireLive(state, request), { dryRun: false, propagation: "Background" });
  return { type: "json", status: 201, body: success };
}

export function bindPod(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  const live = requireLive(state, request);
  const candidate = cloneJson(live);
  candidate["spec"] = { ...recordAt(live, "spec"), nodeName: textAt(parseBody(body), "target", "name") ?? "" };
  const context = { kind: request.kind, manager: "kube-scheduler", dryRun: false, tracking: "update" } as const;
  replace(state, context, { live, candidate });
  return { type: "json", status: 201, body: success };
}
