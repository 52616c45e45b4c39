import type { JsonRecord } from "@drover/shared/json";
import { describe, expect, it } from "vitest";

import { explainNoPods, explainPods, withEvents } from "./cause.ts";
import { refusedPods, unhealthy, unmounted } from "./event-text.ts";

const web = { name: "web", ready: false };
const scheduled = { type: "PodScheduled", status: "True" };
const full = "0/3 nodes are available: 3 Insufficient cpu.";

function pod(status: JsonRecord, spec: JsonRecord = {}): JsonRecord {
  return { metadata: { name: "web-1", uid: "u1" }, spec, status: { conditions: [scheduled], ...status } };
}

function waiting(reason: string, message: string, lastState: JsonRecord = {}): JsonRecord {
  return { ...web, state: { waiting: { reason, message } }, lastState };
}

const oom = { terminated: { exitCode: 137, reason: "OOMKilled" } };
const killed = { terminated: { exitCode: 137, reason: "Error" } };
const running = pod({ phase: "Running", containerStatuses: [{ ...web, state: { running: {} } }] });
const probed = { containers: [{ name: "web", readinessProbe: {}, startupProbe: {} }] };
const starting = (state: JsonRecord): JsonRecord =>
  pod({
    phase: "Pending",
    initContainerStatuses: [{ name: "migrate", ready: false, state }],
    containerStatuses: [waiting("PodInitializing", "")],
  });

type Row = readonly [what: string, pod: JsonRecord, reason: string | undefined, message: string];

const rows: readonly Row[] = [
  [
    "an image that cannot be pulled",
    pod({ phase: "Pending", containerStatuses: [waiting("ImagePullBackOff", 'Back-off pulling image "nginx:none"')] }),
    "ImagePullBackOff",
    'pod web-1: container web: Back-off pulling image "nginx:none"',
  ],
  [
    "a crash loop for want of memory",
    pod({ phase: "Running", containerStatuses: [waiting("CrashLoopBackOff", "back-off 20s", oom)] }),
    "CrashLoopBackOff",
    "pod web-1: container web: back-off 20s; it last ended with exit 137 (OOMKilled)",
  ],
  [
    "a container that has ended and is tried again",
    pod({
      phase: "Running",
      containerStatuses: [{ ...web, lastState: { terminated: { exitCode: 3, reason: "Error" } } }],
    }),
    "Restarted",
    "pod web-1: container web ended with exit 3 (Error)",
  ],
  [
    "a pod that no node takes",
    pod({ conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: full }] }),
    "Unschedulable",
    `pod web-1: ${full}`,
  ],
  [
    "an init container at work",
    starting({ running: {} }),
    "Initializing",
    "pod web-1: init container migrate has not finished yet",
  ],
  [
    "an init container that failed",
    starting({ terminated: { exitCode: 2, reason: "Error" } }),
    "InitContainerFailed",
    "pod web-1: init container migrate ended with exit 2 (Error)",
  ],
  [
    "an init container in a crash loop",
    starting({ waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } }),
    "CrashLoopBackOff",
    "pod web-1: init container migrate: back-off 10s",
  ],
  [
    "a pod of a Job that failed",
    pod({ phase: "Failed", containerStatuses: [{ ...web, state: { terminated: { exitCode: 1, reason: "Error" } } }] }),
    "Error",
    "pod web-1: container web ended with exit 1 (Error)",
  ],
  [
    "an evicted pod",
    pod({ phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory." }),
    "Evicted",
    "pod web-1: The node was low on resource: memory.",
  ],
  [
    "a readiness probe",
    { ...running, spec: probed },
    "ProbeFailed",
    "pod web-1: container web: its readiness probe has not succeeded yet",
  ],
  [
    "a startup probe",
    pod({ phase: "Running", containerStatuses: [{ ...web, started: false, state: { running: {} } }] }, probed),
    "ProbeFailed",
    "pod web-1: container web: its startup probe has not succeeded yet",
  ],
  ["a container that only has to start", running, undefined, ""],
  ["a pod that is going", { ...running, metadata: { name: "web-1", deletionTimestamp: "now" } }, undefined, ""],
];

function event(reason: string, message: string, lastTimestamp = "2026-01-01T00:00:00Z"): JsonRecord {
  return { reason, message, lastTimestamp, involvedObject: { fieldPath: "spec.containers{web}" } };
}

describe("why a workload is not ready", () => {
  it.each(rows)("%s", (_, shown, reason, message) => {
    const { cause } = explainPods([shown]);
    expect(cause?.reason).toBe(reason);
    expect(cause?.message ?? "").toBe(message);
  });

  it("takes the pod that fails before one that waits", () => {
    const [, failing] = rows[0] ?? [];
    expect(explainPods([{ ...running, spec: probed }, failing ?? {}]).cause?.reason).toBe("ImagePullBackOff");
  });

  it("asks for events only where they may say more", () => {
    const asks = rows.map(([what, shown]) => [what, explainPods([shown]).askAbout !== undefined] as const);
    expect(asks.filter(([, ask]) => ask).map(([what]) => what)).toEqual([
      "an init container at work",
      "an init container that failed",
      "a readiness probe",
      "a startup probe",
      "a container that only has to start",
    ]);
  });

  it("learns from the newest event what a start waits for", () => {
    const creating = pod({ phase: "Pending", containerStatuses: [waiting("ContainerCreating", "")] });
    const events = [
      event(
        "FailedMount",
        'MountVolume.SetUp failed for volume "config" : configmap "web" not found',
        "2026-01-01T00:00:09Z",
      ),
      event("FailedCreatePodSandBox", "old"),
    ];
    expect(withEvents(explainPods([creating]), events)).toEqual({
      reason: "FailedMount",
      message: "pod web-1: volume config cannot be mounted: configmap web does not exist",
    });
  });

  it("adds to a crash loop that a probe had the container killed", () => {
    const looping = pod({ phase: "Running", containerStatuses: [waiting("CrashLoopBackOff", "back-off 20s", killed)] });
    const cause = withEvents(explainPods([looping]), [
      event("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500"),
    ]);
    expect(cause?.reason).toBe("CrashLoopBackOff");
    expect(cause?.message).toContain("its liveness probe fails: HTTP status 500");
  });

  it("says why there are no pods at all", () => {
    const message =
      'create Pod web-0 in StatefulSet web failed error: pods "web-0" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2';
    expect(explainNoPods([event("FailedCreate", message)])).toEqual({
      reason: "FailedCreate",
      message: "its pods cannot be created: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2",
    });
    expect(explainNoPods([event("Scheduled", "")])).toBeUndefined();
  });

  it.each([
    ["Readiness probe failed: HTTP probe failed with statuscode: 503", "its readiness probe fails: HTTP status 503"],
    [
      'Liveness probe failed: Get "http://10.0.0.1:80/?key=s3cret": dial tcp: connect: connection refused',
      "its liveness probe fails: connection refused",
    ],
    ["Readiness probe failed: password=s3cret", "its readiness probe fails"],
    [
      'Startup probe failed: Get "http://10.0.0.1/": context deadline exceeded',
      "its startup probe fails: no answer in time",
    ],
  ])("quotes of a probe only what cannot be a value: %s", (text, said) => {
    expect(unhealthy(text)).toBe(said);
    expect(unhealthy(text)).not.toContain("s3cret");
  });

  it.each([
    [
      'MountVolume.SetUp failed for volume "tls" : secret "web-tls" not found',
      "volume tls cannot be mounted: secret web-tls does not exist",
    ],
    [
      'MountVolume.SetUp failed for volume "c" : references non-existent secret key: pw',
      "volume c cannot be mounted: it names the key pw, which does not exist",
    ],
    [
      "Unable to attach or mount volumes: unmounted volumes=[data], timed out waiting for the condition",
      "a volume cannot be mounted: it was not there in time",
    ],
    [
      'MountVolume.SetUp failed for volume "cifs" : mount failed: Mounting arguments: -o password=s3cret',
      "volume cifs cannot be mounted",
    ],
  ])("quotes of a mount only what cannot be a value: %s", (text, said) => {
    expect(unmounted(text)).toBe(said);
  });

  it.each([
    [
      'Error creating: admission webhook "deny.example.org" denied the request: env PASSWORD=s3cret',
      "the admission webhook deny.example.org denies them",
    ],
    [
      'Error creating: pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot',
      "they violate the pod security standard restricted:latest",
    ],
    [
      'Error creating: pods "a" is forbidden: error looking up service account shop/web: serviceaccount "web" not found',
      "the service account web does not exist",
    ],
    [
      'Error creating: pods "a" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
      "they are outside the maximum of a limit range",
    ],
    [
      'Error creating: Pod "a" is invalid: spec.containers[0].env[0].value: Invalid value: "s3cret"',
      "the API server refuses them",
    ],
  ])("quotes of a refusal only what cannot be a value: %s", (text, said) => {
    expect(refusedPods(text)).toBe(`its pods cannot be created: ${said}`);
  });
});
