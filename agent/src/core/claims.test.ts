import { describe, expect, it } from "vitest";

import { findHeir, findRival, type Claim } from "./claims.ts";

function claim(application: string, wish: Claim["wish"], held = true): Claim {
  return { application, wish, held };
}

describe("claims on one object", () => {
  it.each([
    ["who has it and wants it", claim("a", "wants"), true],
    ["who has it and may want it", claim("a", "unknown"), true],
    ["who is leaving it", claim("a", "leaves"), false],
    ["who wants it but never had it", claim("a", "wants", false), false],
  ])("weighs %s against a newcomer", (_who, other, isRival) => {
    expect(findRival({ application: "b", held: false }, [other])).toBe(isRival ? other : undefined);
  });

  it("E43: lets exactly one of two go on that both have it", () => {
    const first = findRival({ application: "a", held: true }, [claim("b", "wants")]);
    const second = findRival({ application: "b", held: true }, [claim("a", "wants")]);
    expect([first, second?.application]).toEqual([undefined, "a"]);
  });

  it("keeps an object for whoever wants it, else for whoever may", () => {
    const [leaving, unknown, wanting] = [
      claim("a", "leaves"),
      claim("b", "unknown", false),
      claim("c", "wants", false),
    ];
    expect(findHeir([leaving, unknown, wanting])).toBe(wanting);
    expect(findHeir([leaving, unknown])).toBe(unknown);
    expect(findHeir([leaving])).toBeUndefined();
  });
});
