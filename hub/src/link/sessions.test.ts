import { maxWaitingInspects } from "@drover/shared/link/link";
import { describe, expect, it } from "vitest";

import { defaultLinkLimits } from "./limits.ts";
import { Session } from "./session.ts";
import { Sessions } from "./sessions.ts";

interface Watched {
  readonly sessions: Sessions;
  /** `cluster reason`, in the order in which the handler was told. */
  readonly told: string[];
  readonly destroyed: string[];
  readonly open: (cluster: string, nowMs: number) => Session;
}

function watchSessions(): Watched {
  const told: string[] = [];
  const destroyed: string[] = [];
  const sessions = new Sessions(defaultLinkLimits, (cluster, { reason }) => told.push(`${cluster} ${reason}`));
  const open = (cluster: string, nowMs: number): Session => {
    const session = new Session(cluster, nowMs, () => destroyed.push(cluster));
    sessions.begin(session);
    sessions.open(session);
    return session;
  };
  return { sessions, told, destroyed, open };
}

const { silenceMs, helloTimeoutMs, goodbyeMs } = defaultLinkLimits;

describe("sessions", () => {
  it("are one a cluster: a newer one ends the older, which cannot end the newer", () => {
    const { sessions, told, open } = watchSessions();
    const older = open("dev-1", 0);
    const newer = open("dev-1", 10);
    expect(told).toEqual(["dev-1 superseded by a newer connection"]);
    sessions.end(older, { graceful: false, reason: "connection lost" }, 20);
    sessions.withdraw(older);
    expect(sessions.find("dev-1")).toBe(newer);
    expect(told).toHaveLength(1);
  });

  it("E65, R32: end after the silence that counts as gone, not before, and each on its own", () => {
    const { sessions, told, open } = watchSessions();
    // Two missed pings, and not more than a minute.
    expect(silenceMs).toBe(2 * defaultLinkLimits.pingIntervalMs);
    expect(silenceMs).toBeLessThan(60_000);
    open("dev-1", 0);
    const talking = open("dev-2", 0);
    talking.heardMs = 1;
    sessions.sweep(silenceMs - 1);
    expect(told).toEqual([]);
    sessions.sweep(silenceMs);
    expect(told).toEqual(["dev-1 not heard from for 40 s"]);
    expect(sessions.find("dev-2")).toBe(talking);
  });

  it("are all forgiven their silence when it was the hub that stood still", () => {
    const { sessions, told, open } = watchSessions();
    open("dev-1", 0);
    sessions.forgive(10 * silenceMs);
    sessions.sweep(10 * silenceMs);
    expect(told).toEqual([]);
    sessions.sweep(11 * silenceMs);
    expect(told).toHaveLength(1);
  });

  it("that say no hello in time, or do not close after their end, lose their connection", () => {
    const { sessions, destroyed, open } = watchSessions();
    const dumb = new Session("dumb", 0, () => destroyed.push("dumb"));
    sessions.begin(dumb);
    sessions.sweep(helloTimeoutMs - 1);
    expect(destroyed).toEqual([]);
    sessions.sweep(helloTimeoutMs);
    expect(destroyed).toEqual(["dumb"]);
    sessions.closed(dumb);

    const stuck = open("stuck", 0);
    sessions.end(stuck, { graceful: false, reason: "detached" }, 100);
    sessions.sweep(100 + goodbyeMs - 1);
    expect(destroyed).toEqual(["dumb"]);
    sessions.sweep(100 + goodbyeMs);
    expect(destroyed).toEqual(["dumb", "stuck"]);
    sessions.closed(stuck);
    expect(sessions.ending).toBe(0);
  });

  it("that the handler refused were never there", () => {
    const { sessions, told, open } = watchSessions();
    const session = open("dev-1", 0);
    sessions.withdraw(session);
    sessions.end(session, { graceful: false, reason: "refused" }, 1);
    expect(sessions.find("dev-1")).toBeUndefined();
    expect(told).toEqual([]);
  });
});

describe("a session", () => {
  it("takes a bounded number of questions, and always the newest assignments", () => {
    const session = new Session("dev-1", 0, () => undefined);
    const ask = (id: number): boolean =>
      session.send({ kind: "inspect", inspect: { id: String(id), application: "web", what: "diff" } });
    for (let id = 0; id < maxWaitingInspects; id += 1) expect(ask(id)).toBe(true);
    expect(ask(maxWaitingInspects)).toBe(false);
    const signed = { payload: Buffer.alloc(4), signature: Buffer.alloc(64), keyId: "k" };
    expect(session.send({ kind: "assignments", signed })).toBe(true);
  });

  it("takes nothing after its end", () => {
    const session = new Session("dev-1", 0, () => undefined);
    session.end({ graceful: true, reason: "bye" });
    const signed = { payload: Buffer.alloc(4), signature: Buffer.alloc(64), keyId: "k" };
    expect(session.send({ kind: "assignments", signed })).toBe(false);
    session.end({ graceful: false, reason: "later" });
    expect(session.ended).toEqual({ graceful: true, reason: "bye" });
  });
});
