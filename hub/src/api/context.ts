import type { IncomingMessage, ServerResponse } from "node:http";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { nearest } from "@drover/shared/nearest";
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest, RawServerDefault } from "fastify";

import type { Backend } from "./backend.ts";
import type { ApiLimits } from "./limits.ts";
import type { Logins } from "./logins.ts";
import type { TypeBoxProvider } from "./validation.ts";

/** A Fastify instance whose handlers have the types of their route's schemas. */
export type Routes = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxProvider
>;

/** A request for the thing of this name, as far as its holder sees it. */
export type ByName = Pick<FastifyRequest, "sight"> & { readonly params: { readonly name: string } };

/** What every route has at hand. */
export interface RouteContext {
  readonly backend: Backend;
  /** Whether the token or the login of a request is still worth what it was. */
  readonly holds: (request: Pick<FastifyRequest, "headers" | "holder">) => boolean;
  /** Undefined: there is no identity provider. */
  readonly logins: Logins | undefined;
  readonly clock: Clock;
  readonly limits: ApiLimits;
  /** Aborts when the API closes: ends streams and questions to agents. */
  readonly closing: AbortSignal;
}

/** The thing, or `not_found` with the name that was probably meant. */
export function found<T>(thing: T | undefined, kind: string, name: string, names: () => Iterable<string>): T {
  if (thing !== undefined) return thing;
  throw notFound(kind, name, names());
}

export function notFound(kind: string, name: string, names: Iterable<string>): DroverError {
  const meant = nearest(name, names);
  return new DroverError("not_found", `there is no ${kind} "${name}"`, {
    hint:
      meant === undefined
        ? `all there are: drover ${ownList.has(kind) ? `${kind} list` : `get ${kind}s`}`
        : `did you mean ${meant}?`,
  });
}

const ownList: ReadonlySet<string> = new Set(["credential", "token"]);

/** Runs a question to an agent: it ends with the answer, after the time limit, or when the client goes away. */
export async function askAgent<T>(
  reply: FastifyReply,
  context: RouteContext,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const abandoned = new AbortController();
  const onClose = (): void => abandoned.abort(new DroverError("canceled", "the client went away"));
  reply.raw.once("close", onClose);
  const late = new AbortController();
  const timer = context.clock
    .sleep(context.limits.agentTimeoutMs, done.signal)
    .then(() => late.abort(new DroverError("timeout", "the agent did not answer in time", { hint: "try again" })))
    .catch(() => undefined);
  try {
    return await ask(AbortSignal.any([abandoned.signal, late.signal, context.closing]));
  } catch (cause) {
    throw late.signal.aborted ? late.signal.reason : cause;
  } finally {
    done.abort();
    reply.raw.off("close", onClose);
    await timer;
  }
}
