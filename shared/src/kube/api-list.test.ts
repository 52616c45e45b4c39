import { describe, expect, it, test } from "vitest";

import { apiListOf, readApiList } from "./api-list.ts";

describe("a list of APIs", () => {
  it("is the same whatever the order in which a server told them", () => {
    const one = apiListOf(["v1", "apps/v1/Deployment", "apps/v1"]);
    expect(one).toEqual(apiListOf(["apps/v1", "v1", "apps/v1/Deployment", "v1"]));
    expect(one.versions).toEqual(["apps/v1", "apps/v1/Deployment", "v1"]);
    expect(readApiList(JSON.parse(JSON.stringify(one.versions)), one.digest)).toEqual(one);
  });

  test.each([["a,b"], ["--post-renderer=x"], [""], ["apps/v1/Deployment/x"], ["a b/v1"]])(
    "does not take %j",
    (name) => {
      expect(() => apiListOf([name])).toThrow(expect.objectContaining({ code: "document_invalid" }));
    },
  );

  it("has a bound", () => {
    const names = Array.from({ length: 10_001 }, (_, index) => `g${index}/v1`);
    expect(() => apiListOf(names)).toThrow(expect.objectContaining({ code: "input_too_large" }));
    expect(apiListOf(names.slice(1)).versions).toHaveLength(10_000);
  });

  it("is taken only for the one that was asked for", () => {
    const { digest } = apiListOf(["v1"]);
    const mismatch = expect.objectContaining({ code: "digest_mismatch" });
    expect(() => readApiList(["v1", "apps/v1"], digest)).toThrow(mismatch);
    expect(() => readApiList({ v1: true }, digest)).toThrow(expect.objectContaining({ code: "document_invalid" }));
  });
});
