import { once } from "node:events";
import { request as sendRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import { join } from "node:path";
import { TLSSocket, type TlsOptions } from "node:tls";

import { createAuthority, type KeyPair, type Leaf, type TestAuthority } from "@drover/cluster/certificates";
import { createMirror, type Commit, type SourceSpec } from "@drover/hub/source/git/mirror";
import { createPackages } from "@drover/hub/source/published/packages";
import type { Credential } from "@drover/hub/source/web/credential";
import { DroverError } from "@drover/shared/errors";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { startChartRepository } from "../rig/chart-repository.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startGitHttp, type GitHttp, type GitHttpRepository } from "../rig/git-http.ts";
import { createWorkTree } from "../rig/git.ts";
import { packageChart, startRegistry } from "../rig/registry.ts";
import { takeDown } from "../rig/take-down.ts";
import { startTlsFront } from "../rig/tls-front.ts";
import { temporaryFolder } from "../rig/watchdog.ts";
import { rigNetworks } from "./rig-networks.ts";

const signal = AbortSignal.timeout(120_000);
const secret = "s3cr3t-token";
const nothing: Credential = { username: "", password: "", ca: "", clientCertificate: "", clientKey: "" };
const names = ["127.0.0.1", "localhost"];

describeWithRig(
  "git",
  "helm",
  "docker-registry",
)("a source over https", () => {
  const parts = new AsyncDisposableStack();
  let remote: GitHttp;
  let repository: GitHttpRepository;
  let folder: string;
  let ours: TestAuthority;
  let foreign: TestAuthority;
  let server: KeyPair;
  let client: Credential;
  let runs = 0;

  beforeAll(async () => {
    remote = parts.use(await startGitHttp());
    repository = await remote.createRepository("config.git");
    folder = parts.use(await temporaryFolder("https")).path;
    await using tree = await createWorkTree({ files: { "a.yaml": "a: 1\n" } });
    await tree.push(repository.path);
    [ours, foreign] = await Promise.all([createAuthority("ours"), createAuthority("foreign")]);
    server = await ours.issue({ purpose: "server", names });
    client = { ...nothing, ca: ours.caPem, ...(await clientOf(ours)) };
  });
  afterAll(async () => parts.disposeAsync());
  beforeEach(() => remote.requireAuth(undefined));

  const clientOf = async (authority: TestAuthority, leaf: Partial<Leaf> = {}) => {
    const { certificatePem, privateKeyPem } = await authority.issue({ purpose: "client", names: ["hub"], ...leaf });
    return { clientCertificate: certificatePem, clientKey: privateKeyPem };
  };
  const tls = ({ certificatePem, privateKeyPem }: KeyPair, options: TlsOptions = {}): TlsOptions => ({
    cert: certificatePem,
    key: privateKeyPem,
    ...options,
  });
  const onlyClients = (): TlsOptions => tls(server, { requestCert: true, rejectUnauthorized: true, ca: ours.caPem });
  const fetchFrom = async (url: string, credential: Credential | undefined, source: Partial<SourceSpec> = {}) => {
    const mirror = createMirror({
      folder: join(folder, String((runs += 1))),
      credentialFor: (name) => (name === "private" ? credential : undefined),
    });
    const named = credential === undefined ? {} : { credential: "private" };
    return mirror.fetch({ name: "config", url: `${url}/config.git`, ref: "", ...named, ...source }, signal);
  };
  /** Fetches through a front of its own. */
  const fetch = async (options: TlsOptions, credential?: Credential, source: Partial<SourceSpec> = {}) => {
    await using front = await startTlsFront(remote.url, options);
    return await fetchFrom(front.url, credential, source);
  };
  const failureOf = async (attempt: Promise<unknown>): Promise<DroverError> => {
    const error: unknown = await attempt.catch((cause: unknown) => cause);
    if (!(error instanceof DroverError)) throw new Error("the fetch did not fail as it should");
    const texts = JSON.stringify([error.message, error.hint, error.stack, String(error.cause)]);
    expect(texts).not.toMatch(new RegExp(`${secret}|BEGIN|${client.clientKey.split("\n")[1]}`, "u"));
    return error;
  };
  const untrusted = async (attempt: Promise<unknown>, what: string): Promise<void> => {
    const error = await failureOf(attempt);
    expect(error).toMatchObject({ code: "source_untrusted", message: expect.stringContaining(what) });
    expect(error.hint).not.toBeUndefined();
  };

  test("is read when its authority is in the credential, over one connection", async () => {
    await using front = await startTlsFront(remote.url, tls(server));
    const fetched: Commit = await fetchFrom(front.url, { ...nothing, ca: ours.caPem });
    expect(fetched).toMatchObject({ ref: "main" });
    expect(front.connections()).toBe(1);
    await untrusted(fetchFrom(front.url, undefined), "an authority that the hub does not know");
    await untrusted(fetchFrom(front.url, { ...nothing, ca: foreign.caPem }), "an authority that the hub does not know");
  });

  test("is refused with a certificate that has expired, is of another host, or is no server's", async () => {
    const credential = { ...nothing, ca: ours.caPem };
    const expired = await ours.issue({ purpose: "server", names, notAfter: new Date(Date.now() - 60_000) });
    await untrusted(fetch(tls(expired), credential), "has expired");
    const elsewhere = await ours.issue({ purpose: "server", names: ["git.example.org"] });
    await untrusted(fetch(tls(elsewhere), credential), "of another host");
    const noServer = await ours.issue({ purpose: "client", names });
    await untrusted(fetch(tls(noServer), credential), "none for a server");
  });

  test("that wants a client certificate gets the one of the credential", async () => {
    expect(await fetch(onlyClients(), client)).toMatchObject({ ref: "main" });
    await untrusted(fetch(onlyClients(), { ...nothing, ca: ours.caPem }), "asks for a client certificate");
  });

  test.each([
    ["of another authority", async () => clientOf(foreign)],
    ["that has expired", async () => clientOf(ours, { notAfter: new Date(Date.now() - 60_000) })],
    ["that is none for a client", async () => clientOf(ours, { purpose: "server" })],
  ])(
    "in front of Git refuses a client certificate %s: no request gets there, and people are told",
    async (_what, of) => {
      const wrong: Credential = { ...nothing, ca: ours.caPem, password: secret, ...(await of()) };
      remote.requireAuth({ kind: "bearer", token: secret });
      const before = remote.requests.length;
      // As servers do it that end the connection, and as nginx does it.
      const ended = await failureOf(fetch(onlyClients(), wrong));
      expect(ended).toMatchObject({ code: "source_unreachable", hint: expect.stringContaining("client certificate") });
      await using polite = await startPoliteFront();
      const answered = await failureOf(fetchFrom(polite.url, wrong));
      expect(answered).toMatchObject({
        code: "source_unreachable",
        hint: expect.stringContaining("client certificate"),
      });
      expect(remote.requests.length).toBe(before);
      expect(await fetchFrom(polite.url, { ...client, password: secret })).toMatchObject({ ref: "main" });
    },
  );

  /** TLS in front of Git that lets everybody in, and answers 400 to those whose certificate it does not trust. */
  const startPoliteFront = async () => {
    const front = createServer(tls(server, { requestCert: true, rejectUnauthorized: false, ca: ours.caPem }));
    front.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const isTrusted = request.socket instanceof TLSSocket && request.socket.authorized;
      if (!isTrusted) return void response.writeHead(400).end("<h1>400 The SSL certificate error</h1>");
      const { method, url: path = "", headers } = request;
      const passed = sendRequest(new URL(path, remote.url), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(passed);
    });
    front.listen(0, "127.0.0.1");
    await once(front, "listening");
    const address = front.address();
    return {
      url: `https://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
      [Symbol.asyncDispose]: async () => takeDown(front),
    };
  };

  test("that wants another client certificate says so, to Git and to charts", async () => {
    await using strict = await startRegistry({ tls: { ...server, caPem: ours.caPem } });
    const url = `https://${strict.host}`;
    const other = { ...nothing, ca: ours.caPem, ...(await clientOf(foreign)) };
    await untrusted(fetchFrom(url, other), "refuses the client certificate");
    await untrusted(fetchFrom(url, { ...nothing, ca: ours.caPem }), "asks for a client certificate");
    await untrusted(chartFrom(url, other), "refuses the client certificate");
    expect(await failureOf(fetchFrom(url, client))).toMatchObject({ code: "source_missing" });
  });

  test("takes user and password, or a token, from the credential", async () => {
    const credential = { ...nothing, ca: ours.caPem, password: secret };
    remote.requireAuth({ kind: "basic", username: "drover", password: secret });
    expect(await fetch(tls(server), { ...credential, username: "drover" })).toMatchObject({ ref: "main" });
    expect(await failureOf(fetch(tls(server), credential))).toMatchObject({ code: "source_auth" });
    remote.requireAuth({ kind: "bearer", token: secret });
    expect(await fetch(tls(server), credential)).toMatchObject({ ref: "main" });
    const own = { username: "drover", password: secret };
    remote.requireAuth({ kind: "basic", ...own });
    expect(await fetch(tls(server), { ...nothing, ca: ours.caPem }, own)).toMatchObject({ ref: "main" });
  });

  test("is not read with a credential that is not there, or that nobody can use", async () => {
    const missing = fetchFrom("https://git.example.org", undefined, { credential: "other" });
    expect(await failureOf(missing)).toMatchObject({ code: "source_auth" });
    const mismatch = { ...client, clientKey: server.privateKeyPem };
    expect(await failureOf(fetch(tls(server), mismatch))).toMatchObject({
      code: "source_auth",
      message: expect.stringContaining("cannot be used"),
    });
  });

  const chartFrom = async (repositoryUrl: string, credential: Credential) => {
    const packages = createPackages({
      folder: join(folder, String((runs += 1))),
      credentialFor: () => credential,
      networks: rigNetworks,
    });
    const reference = {
      kind: "chart",
      repository: repositoryUrl,
      name: "web",
      version: "1.x",
      tag: "",
      intervalMs: 0,
      digest: "",
    } as const;
    return packages.fetch({ ...reference, credential: "private" }, signal);
  };

  test("may publish charts, and its certificates stay with it when it redirects", async () => {
    await using charts = await startChartRepository();
    await charts.publish(await packageChart(folder, { name: "web", version: "1.0.0" }, {}));
    await using front = await startTlsFront(charts.url, onlyClients());
    expect((await chartFrom(front.url, client)).revision).toMatch(/^1\.0\.0@/u);
    await using elsewhere = await startTlsFront(charts.url, onlyClients());
    const location = `${elsewhere.url}/index.yaml`;
    charts.answer("/moved/index.yaml", (response) => response.writeHead(302, { location }).end());
    await untrusted(chartFrom(`${front.url}/moved`, client), "an authority that the hub does not know");
    expect(elsewhere.connections()).toBe(0);
  });
});
