import { constants, type Http2Server, type ServerHttp2Session } from "node:http2";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Server } from "@grpc/grpc-js";

import type { Allowance, LinkLimits } from "./limits.ts";

type FrameLimits = Pick<LinkLimits, "pings" | "settings" | "headerBytes">;

/**
 * Ends connections that send more than they may of what grpc-js answers without a limit, with ENHANCE_YOUR_CALM. Streams
 * that are cut off as soon as they began are nghttp2's to count: 1,000 at once and 33 a second. To be called once the
 * server has its connection injector.
 */
export function guardFrames(server: Server, limits: FrameLimits, clock: Clock): void {
  const guard = (session: ServerHttp2Session): void => guardSession(session, limits, clock);
  http2ServerOf(server).on("session", guard);
}

function guardSession(session: ServerHttp2Session, limits: FrameLimits, clock: Clock): void {
  const calm = (): void => {
    if (session.destroyed || session.closed) return;
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    // What is closed takes no new streams; what says why has a moment to leave.
    session.close();
    setImmediate(() => session.destroy());
  };
  const count = (allowance: Allowance): (() => void) => {
    const budget = new Budget(allowance, clock.now());
    return () => {
      if (!budget.take(clock.now())) calm();
    };
  };
  session.on("ping", count(limits.pings));
  session.on("remoteSettings", count(limits.settings));
  session.settings({ maxHeaderListSize: limits.headerBytes });
}

class Budget {
  readonly #allowance: Allowance;
  #left: number;
  #atMs: number;

  constructor(allowance: Allowance, nowMs: number) {
    this.#allowance = allowance;
    this.#left = allowance.burst;
    this.#atMs = nowMs;
  }

  /** False when nothing is left. */
  take(nowMs: number): boolean {
    const { burst, refillMs } = this.#allowance;
    this.#left = Math.min(burst, this.#left + Math.max(0, nowMs - this.#atMs) / refillMs) - 1;
    this.#atMs = nowMs;
    return this.#left >= 0;
  }
}

/** grpc-js makes the HTTP/2 server behind an injector itself and shows it to nobody; where it keeps it is looked up here. */
function http2ServerOf(server: Server): Http2Server {
  const servers: unknown = Reflect.get(server, "http2Servers");
  const [found]: unknown[] = servers instanceof Map ? [...servers.keys()] : [];
  if (isHttp2Server(found)) return found;
  throw new DroverError(
    "internal",
    "this version of grpc-js keeps its HTTP/2 server elsewhere: frames cannot be guarded",
  );
}

function isHttp2Server(value: unknown): value is Http2Server {
  return typeof value === "object" && value !== null && "on" in value && "updateSettings" in value;
}
