import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import { Provider, type Configuration } from "oidc-provider";

export interface IdentityProviderOptions {
  readonly port: number;
  /** Where the hub's pages are. */
  readonly hubUrl: string;
  /** By subject: who can log in, with further claims. */
  readonly people: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface IdentityProvider extends AsyncDisposable {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly audience: string;
  /** What a person does with a link: logs in, says yes. Returns the address at which they end up, not followed. */
  visit(address: string, person: string, deny?: boolean): Promise<URL>;
  /** What a person does with the code of a command. */
  enterCode(address: string, code: string, person: string, deny?: boolean): Promise<void>;
  /** An access token for the hub. */
  accessToken(person: string): Promise<string>;
}

const clientId = "drover";
const clientSecret = "of the rig, for loopback only, and long enough";
const audience = "drover-api";

/** A certified OpenID provider in this process. Whoever comes says who they are, and is believed. */
export async function startIdentityProvider({
  port,
  hubUrl,
  people,
}: IdentityProviderOptions): Promise<IdentityProvider> {
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, configuration(hubUrl, people));
  provider.use(async (context, next) => {
    await next();
    // Without it RFC 8628 has a command wait for five seconds before each question.
    if (context.path === "/device/auth" && typeof context.body === "object")
      Object.assign(context.body ?? {}, { interval: 1 });
  });
  const answer = provider.callback();
  const server = createServer((request, response) => {
    if (request.url?.startsWith("/interaction/") === true) void interact(provider, request, response);
    else void answer(request, response);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    issuer,
    clientId,
    clientSecret,
    audience,
    visit: async (address, person, deny = false) => new Browser(person, deny).go(address),
    async enterCode(address, code, person, deny = false) {
      const browser = new Browser(person, deny);
      await browser.go(address);
      const page = await browser.submit(address, { user_code: code });
      await browser.submit(page.address, { user_code: code, ...(deny ? { abort: "yes" } : { confirm: "yes" }) });
    },
    accessToken: async (person) => {
      const client = await provider.Client.find(clientId);
      if (client === undefined) throw new Error("the client is gone");
      const grant = new provider.Grant({ accountId: person, clientId });
      const resource = { scope: "hub", audience, accessTokenFormat: "jwt", accessTokenTTL: 600 } as const;
      const resourceServer = new provider.ResourceServer("urn:drover", resource);
      const token = new provider.AccessToken({ accountId: person, client, grantId: await grant.save(), gty: "rig" });
      token.resourceServer = resourceServer;
      token.scope = "hub";
      return token.save();
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function configuration(hubUrl: string, people: IdentityProviderOptions["people"]): Configuration {
  return {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [`${hubUrl}/auth/callback`],
        application_type: "native",
        grant_types: ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub"], profile: ["preferred_username", "email", "email_verified", "groups"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["rig"] },
    jwks: { keys: [{ ...signingKey(), use: "sig", alg: "RS256" }] },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      DeviceCode: 600,
      Grant: 600,
      IdToken: 600,
      Interaction: 600,
      Session: 600,
    },
    features: {
      devInteractions: { enabled: false },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: async (context, form) => void (context.body = form),
        userCodeConfirmSource: async (context, form) => void (context.body = form),
        successSource: async (context) => void (context.body = "done"),
      },
      resourceIndicators: { enabled: true },
    },
    extraTokenClaims: (_context, token) => ("accountId" in token ? people[token.accountId ?? ""] : {}),
    findAccount: (_context, id) =>
      Object.hasOwn(people, id) ? { accountId: id, claims: () => ({ sub: id, ...people[id] }) } : undefined,
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    pkce: { required: () => true },
  };
}

/** Another at every start, as after a rotation. */
function signingKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kty: "RSA" as const };
}

/** Logs in whom the browser says it is, and grants what is asked for. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  const [person = "", deny] = String(request.headers["x-rig-person"] ?? "").split(" ");
  if (deny !== undefined)
    return provider.interactionFinished(request, response, { error: "access_denied", error_description: "no" });
  if (prompt.name === "login") return provider.interactionFinished(request, response, { login: { accountId: person } });
  const grant =
    (grantId === undefined ? undefined : await provider.Grant.find(grantId)) ??
    new provider.Grant({ accountId: session?.accountId ?? person, clientId: String(params["client_id"]) });
  const { scope } = params;
  if (typeof scope === "string") grant.addOIDCScope(scope);
  grant.addOIDCClaims(["preferred_username", "email", "email_verified", "groups"]);
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

/** As much of a browser as a login takes: cookies, redirects within the provider, and its forms. */
class Browser {
  readonly #who: string;
  readonly #cookies = new Map<string, string>();

  constructor(person: string, deny: boolean) {
    this.#who = deny ? `${person} deny` : person;
  }

  /** Follows redirects of the provider; returns where it leads to elsewhere, or ends. */
  async go(address: string): Promise<URL> {
    return (await this.#load(new URL(address), { method: "GET" })).address;
  }

  async submit(address: string | URL, fields: Readonly<Record<string, string>>): Promise<{ readonly address: URL }> {
    const { text } = await this.#load(new URL(address), { method: "GET" });
    const action = /action="(?<to>[^"]+)"/u.exec(text)?.groups?.["to"] ?? String(address);
    const xsrf = /name="xsrf" value="(?<token>[^"]+)"/u.exec(text)?.groups?.["token"] ?? "";
    const body = new URLSearchParams({ xsrf, ...fields });
    return this.#load(new URL(action, address), { method: "POST", body });
  }

  async #load(from: URL, first: RequestInit): Promise<{ readonly address: URL; readonly text: string }> {
    let address = from;
    let init = first;
    for (let hop = 0; hop < 20; hop += 1) {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { cookie, "x-rig-person": this.#who };
      const response = await fetch(address, { ...init, headers, redirect: "manual" });
      for (const line of response.headers.getSetCookie()) {
        const [name = "", value = ""] = (line.split(";")[0] ?? "").split("=");
        if (value === "") this.#cookies.delete(name);
        else this.#cookies.set(name, value);
      }
      const location = response.headers.get("location");
      if (location === null) return { address, text: await response.text() };
      const next = new URL(location, address);
      if (next.origin !== from.origin) return { address: next, text: "" };
      address = next;
      init = { method: "GET" };
    }
    throw new Error(`${from.href} redirects for ever`);
  }
}
