import {
  deviceLoginSchema,
  finishDeviceSchema,
  finishedLoginSchema,
  ownSessionSchema,
  pendingLoginSchema,
  sessionCookie,
} from "@drover/shared/api/session";
import { DroverError } from "@drover/shared/errors";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";

import { principalOf } from "../../core/access/principal.ts";
import { FailureLimit } from "../../core/failure-limit.ts";
import { actorOf } from "../access/guard.ts";
import { loginIn, pageTokenOf } from "../auth.ts";
import type { Decision } from "../backend.ts";
import type { RouteContext, Routes } from "../context.ts";
import { sessionPattern, type KnownPerson, type Logins, type SessionSecret } from "../logins.ts";

/** What a browser keeps while its person is at the identity provider, whose page sends it back here. */
const ticketCookie = "__Host-drover-login";
const gone = "Path=/; Secure; HttpOnly; Max-Age=0";

/** Logging in and out. Beginnings are counted by address: each makes the hub ask the identity provider something. */
export function loginRoutes(app: Routes, context: RouteContext): void {
  const { clock, limits } = context;
  const begun = new FailureLimit({ failures: limits.logins, withinMs: limits.loginsMs });
  const begin = ({ ip }: FastifyRequest): Logins => {
    const logins = need(context);
    if (!begun.allows(ip, clock.now()))
      throw new DroverError("rate_limited", "too many logins were begun from this address", { hint: "wait a minute" });
    begun.failed(ip, clock.now());
    return logins;
  };

  app.get("/auth/login", { schema: operations.beginLogin }, async (request, reply) => {
    const { location, ticket } = await begin(request).begin(request.query.returnTo ?? "/");
    // Lax: it has to come along when the identity provider's page sends the browser back.
    void reply.header("set-cookie", `${ticketCookie}=${ticket}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600`);
    return reply.code(302).header("location", location).type("text/plain").send("log in there\n");
  });

  app.get("/auth/callback", { schema: operations.finishLogin }, async (request, reply) => {
    const search = request.url.includes("?") ? request.url.slice(request.url.indexOf("?")) : "";
    const ticket = cookieIn(request.headers.cookie, ticketCookie);
    const { person, returnTo } = await proving(request, () => need(context).finish(search, ticket));
    const follows = sessionPattern.exec(loginIn(request.headers.cookie) ?? "")?.groups?.["id"] ?? "";
    const { secret } = await remember(context, request, { person, kind: "browser", follows });
    const kept = `${sessionCookie}=${secret}; Path=/; Secure; HttpOnly; SameSite=Strict`;
    void reply.header("set-cookie", [kept, `${ticketCookie}=; ${gone}; SameSite=Lax`]);
    return sendOn(reply, returnTo);
  });

  app.get("/auth/session", { schema: operations.readSession }, ({ holder, headers }) => {
    const { name, roles, scope, expiresAtMs } = holder;
    return {
      name,
      roles: [...roles],
      scope,
      expires: expiresAtMs,
      pageToken: pageTokenOf(loginIn(headers.cookie) ?? ""),
    };
  });

  app.post("/auth/logout", { schema: operations.logout }, async (request, reply) => {
    const { person } = request.holder;
    if (person === undefined || person.session === "")
      throw new DroverError("precondition_failed", "this is no login but a token", {
        hint: "it ends by itself, or with drover token revoke NAME",
      });
    request.decision = decisionOf(request, "logout", actorOf(request.holder));
    await context.backend.by(request.decision).endSession(person.session);
    void reply.header("set-cookie", `${sessionCookie}=; ${gone}; SameSite=Strict`);
    return reply.code(204).send(null);
  });

  app.post("/auth/device", { schema: operations.beginDevice }, async (request, reply) => {
    return reply.send(await begin(request).beginDevice());
  });

  app.post("/auth/device/session", { schema: operations.finishDevice }, async (request, reply) => {
    const outcome = await proving(request, () => need(context).finishDevice(request.body.ticket));
    if (typeof outcome === "string") return reply.code(202).send({ status: outcome });
    const { secret, expiresAtMs } = await remember(context, request, { person: outcome, kind: "command", follows: "" });
    const { roles, scope } = outcome.grant;
    const told = { name: outcome.name, roles: [...roles], scope, expires: expiresAtMs };
    return reply.code(201).send({ status: "done" as const, token: secret, ...told });
  });
}

function need({ logins }: RouteContext): Logins {
  if (logins !== undefined) return logins;
  throw new DroverError("precondition_failed", "this hub has no identity provider to log in with", {
    hint: "use a token: drover context add NAME --server URL --token-file FILE",
  });
}

function decisionOf({ id, ip }: FastifyRequest, verb: string, who: Pick<Decision, "actor">): Decision {
  return { ...who, verb, kind: "session", name: "", request: id, address: ip, changes: 0 };
}

/** Whoever is turned away leaves an entry in the audit log, as far as the bound of entries lets it. */
async function proving<T>(request: FastifyRequest, prove: () => Promise<T>): Promise<T> {
  try {
    return await prove();
  } catch (cause) {
    request.decision = decisionOf(request, "login", { actor: "" });
    throw cause;
  }
}

async function remember(
  { backend }: RouteContext,
  request: FastifyRequest,
  login: { readonly person: KnownPerson; readonly kind: "browser" | "command"; readonly follows: string },
): Promise<SessionSecret> {
  const { name, issuer, subject } = login.person;
  const who = { person: { issuer, subject, session: "" }, principal: principalOf(login.person) };
  request.decision = decisionOf(request, "login", { actor: name, ...who });
  return backend.by(request.decision).beginSession(login);
}

/**
 * By a page, and not by a redirect: the browser came from elsewhere, and would not show the new cookie to where it is
 * sent on before a page of the hub itself does so.
 */
function sendOn(reply: FastifyReply, place: string): FastifyReply {
  const safe = place.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  return reply
    .type("text/html")
    .send(`<!doctype html><meta http-equiv="refresh" content="0;url=${safe}"><title>Drover</title>You are logged in.`);
}

function cookieIn(cookie: string | undefined, name: string): string {
  const pairs = (cookie ?? "").split(";").map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}

const operations = {
  beginLogin: {
    operationId: "beginLogin",
    summary: "Send a browser to the identity provider",
    querystring: Type.Object({
      returnTo: Type.Optional(Type.String({ maxLength: 512, description: "A path of this hub; default /" })),
    }),
    produces: ["text/plain"],
    response: { 302: Type.String({ description: "The identity provider's page" }) },
  },
  finishLogin: {
    operationId: "finishLogin",
    summary: "Where the identity provider sends a browser back to",
    produces: ["text/html"],
    response: { 200: Type.String({ description: "A page that leads on; the login is in its cookie" }) },
  },
  readSession: {
    operationId: "readSession",
    summary: "Read whose login a page has, and what it has to show beside its cookie",
    response: { 200: ownSessionSchema },
  },
  logout: {
    operationId: "logout",
    summary: "End the login that this is asked with",
    response: { 204: Type.Null() },
  },
  beginDevice: {
    operationId: "beginDevice",
    summary: "Begin to log a command in: a person says yes to it in a browser, on whatever device",
    response: { 200: deviceLoginSchema },
  },
  finishDevice: {
    operationId: "finishDevice",
    summary: "Ask whether the person has said yes, no more often than the interval lets",
    body: finishDeviceSchema,
    response: { 201: finishedLoginSchema, 202: pendingLoginSchema },
  },
};
