import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createJoinToken, formatJoinToken, hashJoinSecret, matchesJoinSecret, parseJoinToken } from "./join-token.ts";

const pin = "p".repeat(43);

describe("join tokens", () => {
  it("parse to what was formatted, with or without the line's end", () => {
    const token = createJoinToken(pin);
    expect(parseJoinToken(formatJoinToken(token))).toEqual(token);
    expect(parseJoinToken(`${formatJoinToken(token)}\n`)).toEqual(token);
  });

  it("have 8 random bytes of id and 32 of secret", () => {
    const token = createJoinToken(pin, (size) => new Uint8Array(size).fill(size));
    expect(Buffer.from(token.id, "base64url")).toEqual(Buffer.alloc(8, 8));
    expect(Buffer.from(token.secret, "base64url")).toEqual(Buffer.alloc(32, 32));
    expect(createJoinToken(pin)).not.toEqual(createJoinToken(pin));
  });

  it("are refused in any other form, without being repeated in the error", () => {
    const good = formatJoinToken(createJoinToken(pin));
    for (const text of ["", "drv1", good.slice(0, -1), `${good}x`, good.replace("drv1", "drv2"), `${good}.${good}`]) {
      let refusal: unknown;
      try {
        parseJoinToken(text);
      } catch (error) {
        refusal = error;
      }
      expect(refusal).toMatchObject({ code: "join_refused" });
      if (text.length > 20) expect(String(refusal)).not.toContain(text.slice(10, 40));
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseJoinToken(text)).toThrow(expect.objectContaining({ code: "join_refused" }));
      }),
    );
  });

  it("match the stored hash of their own secret only", () => {
    const { secret } = createJoinToken(pin);
    const stored = hashJoinSecret(secret);
    expect(stored).toMatch(/^[0-9a-f]{64}$/u);
    expect(matchesJoinSecret(secret, stored)).toBe(true);
    expect(matchesJoinSecret(createJoinToken(pin).secret, stored)).toBe(false);
    expect(matchesJoinSecret(secret, "")).toBe(false);
    expect(matchesJoinSecret(secret, stored.slice(1))).toBe(false);
  });
});
