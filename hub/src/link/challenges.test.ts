import { describe, expect, it } from "vitest";

import { Challenges } from "./challenges.ts";

describe("a nonce", () => {
  it("is good once, for a minute", () => {
    const challenges = new Challenges();
    const [nonce, late] = [challenges.issue(0), challenges.issue(0)];
    expect(challenges.take(nonce, 59_999)).toBe(true);
    expect(challenges.take(nonce, 59_999)).toBe(false);
    expect(challenges.take(late, 60_000)).toBe(false);
    expect(challenges.take(new Uint8Array(32), 0)).toBe(false);
  });

  it("makes room for newer ones above the limit", () => {
    const challenges = new Challenges(2);
    const [oldest, second, third] = [challenges.issue(0), challenges.issue(0), challenges.issue(0)];
    expect(challenges.take(oldest, 1)).toBe(false);
    expect([challenges.take(second, 1), challenges.take(third, 1)]).toEqual([true, true]);
  });
});
