import type { ClusterState } from "../cluster-state.ts";
import { internalError } from "../http/status.ts";
import { PendingReview, WebhookAdmission } from "../webhooks/admission.ts";
import { hasWebhooks } from "../webhooks/configured.ts";
import type { Body } from "./decode.ts";
import { dispatch } from "./dispatch.ts";
import type { Reply } from "./reply.ts";
import type { ResourceRequest } from "./request.ts";

/** A write that others overtake while webhooks think about it is tried this often. */
const rounds = 20;

/**
 * As `dispatch`, with webhooks asked in between where there are any. A write that needs an answer is done again with
 * the answer; it draws the same names, uids and time as before, so it asks the same unless the store has changed.
 */
export async function dispatchAdmitted(
  state: ClusterState,
  request: ResourceRequest,
  method: string,
  body: Body,
): Promise<Reply> {
  if (method === "GET" || !hasWebhooks(state)) return dispatch(state, request, method, body);
  const admission = new WebhookAdmission(state, request.user);
  const replay = replayed(state);
  for (let round = 0; round < rounds; round += 1) {
    try {
      const reply = dispatch(replay(), { ...request, admission }, method, body);
      if (reply.type !== "object" || admission.warnings.length === 0) return reply;
      return { ...reply, warnings: [...(reply.warnings ?? []), ...admission.warnings] };
    } catch (error) {
      if (!(error instanceof PendingReview)) throw error;
      await error.settle();
    }
  }
  throw internalError("the object changed too often while webhooks were asked about it");
}

/** Returns a function that gives the state with the same chance and time on each call. */
function replayed(state: ClusterState): () => ClusterState {
  const now = state.clock.now();
  const uids: string[] = [];
  const suffixes: string[] = [];
  return () => {
    let uid = 0;
    let suffix = 0;
    return {
      ...state,
      clock: { ...state.clock, now: () => now },
      newUid: () => (uids[uid++] ??= state.newUid()),
      newSuffix: () => (suffixes[suffix++] ??= state.newSuffix()),
    };
  };
}
