import type { KubeObject } from "@drover/shared/kube/manifest";
import { expect, vi } from "vitest";

import { field, type LoneAgent } from "./lone-agent.ts";

export const patience = { timeout: 20_000, interval: 20 } as const;
type Annotations = Readonly<Record<string, string>>;

export const helm = (events: string, more: Annotations = {}): Annotations => ({ "helm.sh/hook": events, ...more });
export const argo = (events: string, more: Annotations = {}): Annotations => ({
  "argocd.argoproj.io/hook": events,
  ...more,
});

/** A Job whose image can never be pulled: it ends when the test says so, as its controller would. */
export function job(name: string, annotations: Annotations = {}, spec: object = {}): KubeObject {
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "job:missing" }] } };
  const metadata = { name, namespace: "default", annotations };
  return { apiVersion: "batch/v1", kind: "Job", metadata, spec: { template, ...spec } };
}

export function annotated(object: KubeObject, annotations: Annotations): KubeObject {
  return { ...object, metadata: { ...object.metadata, annotations } };
}

export const jobPath = (name: string): string => `/apis/batch/v1/namespaces/default/jobs/${name}`;

/** What tests do with the Jobs of an agent's cluster. */
export interface Jobs {
  /** undefined when there is no object at the path. */
  uidOf(path: string): Promise<string | undefined>;
  /** Waits for a Job, `not` being another one of that name; returns its uid. */
  untilThere(name: string, not?: string): Promise<string>;
  untilGone(path: string): Promise<void>;
  /** Ends a Job as its controller would. */
  end(name: string, type?: "Complete" | "Failed"): Promise<void>;
  removeJob(name: string): Promise<void>;
}

/** `current`: the agent that is running by the time of a call. */
export function createJobs(current: () => LoneAgent): Jobs {
  const uidOf = async (path: string): Promise<string | undefined> => {
    const uid = field(await current().get(path), "metadata", "uid");
    return typeof uid === "string" ? uid : undefined;
  };
  const untilThere = async (name: string, not?: string): Promise<string> => {
    let uid: string | undefined;
    await vi.waitFor(async () => {
      uid = await uidOf(jobPath(name));
      expect(uid).toBeDefined();
      expect(uid).not.toBe(not);
    }, patience);
    return uid ?? "";
  };
  const untilGone = async (path: string): Promise<void> => {
    await vi.waitFor(async () => expect(await current().get(path)).toBeUndefined(), patience);
  };
  /** Ends a Job as its controller would. */
  const end = async (name: string, type: "Complete" | "Failed" = "Complete"): Promise<void> => {
    const condition = type === "Complete" ? { type } : { type, reason: "BackoffLimitExceeded", message: "it gave up" };
    const now = new Date().toISOString().replace(/\.\d+/u, "");
    const times = { lastProbeTime: now, lastTransitionTime: now };
    const status = {
      startTime: now,
      ...(type === "Complete" ? { completionTime: now } : {}),
      conditions: [{ status: "True", ...times, ...condition }],
    };
    const answer = await current().call({
      method: "PATCH",
      path: `${jobPath(name)}/status`,
      contentType: "application/merge-patch+json",
      body: JSON.stringify({ status }),
    });
    expect(answer.kind).toBe("ok");
  };
  /** Without the policy an old server keeps a Job until somebody has orphaned its pods. */
  const removeJob = (name: string): Promise<void> => current().remove(`${jobPath(name)}?propagationPolicy=Background`);
  return { uidOf, untilThere, untilGone, end, removeJob };
}
