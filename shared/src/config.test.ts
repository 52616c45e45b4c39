import { describe, expect, it } from "vitest";

import { formatOptions, loadConfig, parseNumber, parseOneOf, parseText } from "./config.ts";

const options = {
  dataDir: { help: "folder", parse: parseText },
  pollSeconds: { help: "interval", parse: parseNumber({ min: 1, max: 60 }), default: 30 },
  logLevel: { help: "level", parse: parseOneOf("info", "debug"), default: "info" as const },
};

describe("config", () => {
  it("takes a flag before the environment before the default", () => {
    const env = { DROVER_POLL_SECONDS: "5", DROVER_DATA_DIR: "/env" };
    expect(loadConfig(options, { argv: ["--data-dir", "/flag"], env })).toEqual({
      dataDir: "/flag",
      pollSeconds: 5,
      logLevel: "info",
    });
    expect(loadConfig(options, { argv: ["--poll-seconds=7", "--data-dir=/a=b"], env: {} })).toMatchObject({
      pollSeconds: 7,
      dataDir: "/a=b",
    });
  });

  it("names every wrong setting at once", () => {
    const load = () =>
      loadConfig(options, { argv: ["--poll-seconds", "0", "--log-level", "loud", "--nope", "1"], env: {} });
    expect(load).toThrow(expect.objectContaining({ code: "config_invalid" }));
    expect(load).toThrow(/--nope.*--data-dir is missing.*--poll-seconds.*--log-level/u);
  });

  it("refuses a flag without its value instead of taking the next flag", () => {
    expect(() => loadConfig(options, { argv: ["--data-dir"], env: {} })).toThrow(/--data-dir needs a value/u);
  });

  it("describes every setting with its variable", () => {
    expect(formatOptions(options)).toContain("--poll-seconds");
    expect(formatOptions(options)).toContain("DROVER_POLL_SECONDS; default: 30");
    expect(formatOptions(options)).toContain("DROVER_DATA_DIR; default: required");
  });
});
