import { join } from "node:path";

import { afterAll, describe, expect, it, vi } from "vitest";

import { mountSmallDisk, type SmallDisk } from "../rig/small-disk.ts";
import { configMap, mapPath } from "./agent-objects.ts";
import { field, startLoneAgent } from "./lone-agent.ts";

const patience = { timeout: 20_000, interval: 20 } as const;
const disk = mountSmallDisk(2);
afterAll(() => disk?.[Symbol.dispose]());

const faults: Readonly<
  Record<string, { readonly set: (disk: SmallDisk) => void; readonly mend: (disk: SmallDisk) => void }>
> = {
  "is full": { set: (small) => small.fill(), mend: (small) => small.free() },
  "takes no writes": { set: (small) => small.setReadOnly(true), mend: (small) => small.setReadOnly(false) },
};

describe("an agent's disk (needs leave to mount a tmpfs)", () => {
  it.skipIf(disk === undefined).each(Object.entries(faults))(
    "E73: that %s keeps it from taking anything new, which it says, and not from healing; it goes on by itself",
    async (name, { set, mend }) => {
      if (disk === undefined) return;
      await using agent = await startLoneAgent("embedded", {
        controllers: false,
        dataDir: join(disk.path, name.replaceAll(" ", "-")),
      });
      const data = async (map: string): Promise<unknown> => field(await agent.get(mapPath(map)), "data");
      const untilData = (map: string, expected: unknown) =>
        vi.waitFor(async () => expect(await data(map)).toEqual(expected), patience);
      await agent.untilApplied("app", agent.hub.assign("app", [configMap("held", { a: "1" })]).bundle);
      // A disk that somebody writes to cannot be made read-only.
      await agent.stop();
      set(disk);
      agent.start();
      const { bundle } = agent.hub.assign("app", [configMap("held", { a: "2" }), configMap("new", { a: "1" })]);
      await vi.waitFor(() => expect(agent.hub.acknowledgements.at(-1)?.refusal?.code).toBe("store_failed"), patience);
      await agent.edit(mapPath("held"), { data: { a: "drift" } });
      await untilData("held", { a: "1" });
      expect(await agent.get(mapPath("new"))).toBeUndefined();
      // It starts from what it had, and heals that.
      await agent.restart();
      await agent.edit(mapPath("held"), { data: { a: "drift again" } });
      await untilData("held", { a: "1" });
      mend(disk);
      await agent.untilApplied("app", bundle);
      await untilData("held", { a: "2" });
      await agent.stop();
    },
  );
});
