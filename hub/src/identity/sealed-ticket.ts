import { randomBytes } from "node:crypto";

import type { Clock } from "@drover/shared/clock";
import { EncryptJWT, jwtDecrypt } from "jose";

/**
 * What the hub has to know again when a login comes back, kept by who logs in: nobody else can read or make it, and the
 * hub holds nothing that many beginnings could fill. Worth nothing after a restart; people begin again then.
 */
export interface Tickets {
  seal(use: string, content: Readonly<Record<string, string>>, lifeSeconds: number): Promise<string>;
  /** Undefined for what has ended, is for another use, or is none. */
  open(use: string, ticket: string): Promise<Readonly<Record<string, unknown>> | undefined>;
}

export function createTickets(clock: Pick<Clock, "now">): Tickets {
  const key = randomBytes(32);
  return {
    seal: async (use, content, lifeSeconds) =>
      new EncryptJWT({ ...content })
        .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
        .setAudience(use)
        .setExpirationTime(Math.floor(clock.now() / 1000) + lifeSeconds)
        .encrypt(key),
    async open(use, ticket) {
      const options = { audience: use, currentDate: new Date(clock.now()), requiredClaims: ["exp"] };
      const limits = { keyManagementAlgorithms: ["dir"], contentEncryptionAlgorithms: ["A256GCM"] };
      const opened = await jwtDecrypt(ticket, key, { ...options, ...limits }).catch(() => undefined);
      return opened?.payload;
    },
  };
}
