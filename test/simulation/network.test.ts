import { createSessionLink } from "@drover/agent/link/grpc";
import { defaultLinkLimits } from "@drover/hub/link/limits";
import { describeLink } from "@drover/shared/link/link.contract";
import type { LinkWorld } from "@drover/shared/link/world.contract";
import { silentLog } from "@drover/shared/log";

import { createHubLink } from "./hub-link.ts";
import { Network } from "./network.ts";
import { createChance } from "./random.ts";
import { Time, type Life } from "./time.ts";

/** Silence is noticed after 3 s here instead of 45 s. */
const limits = { ...defaultLinkLimits, pingIntervalMs: 2_000, silenceMs: 4_000, goodbyeMs: 100 };
const log = silentLog;
const stepMs = 25;

/** A hub and agents on simulated connections, whose time goes by about ten times as fast as that of the contract. */
function createLinkWorld(): Promise<LinkWorld> {
  const time = new Time();
  const chance = createChance(1);
  const network = new Network(time, chance);
  const over = new AbortController();
  let lives = 0;
  const begin = (name: string): Life => ({
    name,
    number: (lives += 1),
    alive: true,
    stop: new AbortController(),
  });
  const end = async (life: Life, running: Promise<void>): Promise<void> => {
    life.stop.abort(new Error("the test stops it"));
    await running;
    life.alive = false;
  };
  const pass = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await time.run(time.now + stepMs, () => undefined);
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
    }
  };
  void pass();
  return Promise.resolve({
    async startHub(handler) {
      const life = begin("hub");
      const link = createHubLink({ life, time, network, log, limits });
      const running = link.run(handler, () => undefined, life.stop.signal);
      return { link, stop: () => end(life, running) };
    },
    async startAgent(cluster, handler, credential = "valid") {
      const life = begin(cluster);
      const fault = credential === "valid" ? {} : { fault: credential };
      const link = createSessionLink({
        dial: () => network.dial({ cluster, generation: 1, ...fault }, life),
        clock: time.clockOf(life),
        random: () => chance.next(),
        log,
      });
      const running = link.run(handler, life.stop.signal);
      const wire = {
        cut: () => network.setRoute(cluster, "cut"),
        stall: () => network.setRoute(cluster, "silent"),
        strand: () => network.strand(cluster),
        resume: () => network.setRoute(cluster, "open"),
        accepted: () => network.dialled(cluster),
      };
      return { link, wire, stop: () => end(life, running) };
    },
    async [Symbol.asyncDispose]() {
      over.abort();
    },
  });
}

describeLink("the simulated network", createLinkWorld);
