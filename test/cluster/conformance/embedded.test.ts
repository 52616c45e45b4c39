import { describe } from "vitest";

import { startEmbeddedServer } from "./embedded-server.ts";
import { suites } from "./suites.ts";
import { serverUnderTest } from "./under-test.ts";

describe("conformance: the embedded cluster", () => {
  const api = serverUnderTest("embedded", startEmbeddedServer);
  for (const [topic, suite] of Object.entries(suites)) {
    describe(topic, () => {
      suite(api);
    });
  }
});
