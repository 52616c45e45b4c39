import type { KubeObject } from "@drover/shared/kube/manifest";
import type { ObjectReport } from "@drover/shared/link/link";
import { afterAll, beforeAll, expect, vi } from "vitest";

import { mapPath } from "./agent-objects.ts";
import type { AssignOptions } from "./hub-stand-in.ts";
import { field, startLoneAgent, writesOf, type LoneAgent, type LoneAgentOptions, type Server } from "./lone-agent.ts";

/** What the tests of a suite do again and again with the agent that they share. */
export interface SharedAgent {
  /** A name that no other test of the suite uses: for an application, and for its objects. */
  readonly fresh: () => string;
  /** Assigns the objects to the application, and waits until all of them are applied. */
  readonly apply: (app: string, objects: readonly KubeObject[], options?: AssignOptions) => Promise<void>;
  /** What the newest report of the application says about the object of this name. */
  readonly reportOf: (app: string, name: string) => ObjectReport | undefined;
  readonly uidOf: (path: string) => Promise<unknown>;
  readonly versionsOf: (paths: readonly string[]) => Promise<readonly unknown[]>;
  /** Writes of the agent, since its requests were last taken, to objects of exactly this name. */
  readonly writesTo: (name: string) => readonly string[];
  /** Waits until the data of a ConfigMap is this and nothing else. */
  readonly untilData: (path: string, data: object) => Promise<void>;
  /** Makes a ConfigMap drift, and waits for the repair: the agent is at work, and has seen what came before. */
  readonly untilHealed: (name: string, data: object) => Promise<void>;
}

export interface SharedAgentOptions extends LoneAgentOptions {
  /** What the names of `fresh` begin with. */
  readonly prefix: string;
  /** Gets the agent as soon as it runs. */
  readonly started: (agent: LoneAgent) => void;
}

const patience = { timeout: 30_000, interval: 10 } as const;

/** Tells requests for objects of exactly this name, whatever their kind. */
export function isAbout(name: string): (request: string) => boolean {
  return (request) => request.split("?")[0]?.endsWith(`/${name}`) === true;
}

/** Starts one agent before the tests of the suite that calls this, and ends it after them. */
export function shareAgent(server: Server, { prefix, started, ...options }: SharedAgentOptions): SharedAgent {
  let agent: LoneAgent;
  let count = 0;
  beforeAll(async () => {
    agent = await startLoneAgent(server, options);
    started(agent);
  });
  afterAll(() => agent[Symbol.asyncDispose]());
  const metadataOf = async (path: string, name: string): Promise<unknown> =>
    field(await agent.get(path), "metadata", name);
  const untilData = (path: string, data: object): Promise<void> =>
    vi.waitFor(async () => expect(field(await agent.get(path), "data")).toEqual(data), patience);
  return {
    fresh: () => `${prefix}-${(count += 1)}`,
    apply: (app, objects, assignment) => agent.untilApplied(app, agent.hub.assign(app, objects, assignment).bundle),
    reportOf: (app, name) => agent.hub.report(app)?.objects.find(({ key }) => key.name === name),
    uidOf: (path) => metadataOf(path, "uid"),
    versionsOf: (paths) => Promise.all(paths.map((path) => metadataOf(path, "resourceVersion"))),
    writesTo: (name) => writesOf(agent.takeRequests()).filter(isAbout(name)),
    untilData,
    async untilHealed(name, data) {
      await agent.edit(mapPath(name), { data: { a: "drifted" } });
      await untilData(mapPath(name), data);
    },
  };
}
