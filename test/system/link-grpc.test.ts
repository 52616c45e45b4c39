import { describeLink } from "@drover/shared/link/link.contract";

import { createLinkWorld } from "./link-world.ts";

describeLink("gRPC", () =>
  createLinkWorld(async (port) => ({
    target: { host: "127.0.0.1", port },
    hubEnd: (link) => link,
    agentAddress: async (_, wire) => `${wire.host}:${wire.port}`,
  })),
);
