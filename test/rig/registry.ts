import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";

import { mustRun } from "./command.ts";
import { createWorkTree } from "./git.ts";
import { freePort } from "./ports.ts";
import { program } from "./programs.ts";
import { startProcess, untilReady, type RigProcess } from "./rig-process.ts";
import { temporaryFolder } from "./watchdog.ts";

/** A real OCI registry, Docker's distribution, on loopback, and without encryption unless it is told otherwise. */
export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:12345` */
  readonly host: string;
  /** `oci://127.0.0.1:12345` */
  readonly url: string;
  /** With the real `helm push`, to the repository `NAMESPACE/CHART`. */
  pushChart(archive: string, namespace: string): Promise<void>;
  /** A tar+gzip layer below a tag, as `flux push artifact` and `oras push` make it; returns the manifest's digest. */
  pushArtifact(name: string, tag: string, archive: Uint8Array<ArrayBuffer>): Promise<string>;
  /** Refuses connections until `bringUp`. */
  takeDown(): Promise<void>;
  bringUp(): Promise<void>;
}

/** Who may read and write where a registry asks. */
export const registryUser = { username: "rig", password: "rig-password" };
/** Of that password, as cheap as bcrypt can be: the registry checks it at every request. */
const passwordHash = "$2b$04$gsDG5EE8Wsh5O/1ExGZe0unn5au8nNscMK6nNFtops17jYanempEK";

export interface RegistryOptions {
  /** Whether it asks who reads and writes. Default: no. */
  readonly auth?: boolean;
  /** Speaks TLS, to those only who show a certificate of `caPem`; nothing can be pushed then. All PEM. */
  readonly tls?: { readonly certificatePem: string; readonly privateKeyPem: string; readonly caPem: string };
}

export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder("registry"));
  const host = `127.0.0.1:${await freePort()}`;
  await writeSettings(folder, host, options);
  let server: RigProcess | undefined;
  const takeDown = async (): Promise<void> => server?.stop();
  const bringUp = async (): Promise<void> => {
    server = await startProcess({
      name: "docker-registry",
      program: program("docker-registry"),
      args: ["serve", join(folder, "config.yml")],
      folder,
      env: { OTEL_TRACES_EXPORTER: "none" },
    });
    await untilReady(
      server,
      () => (options.tls === undefined ? answers(host) : listens(host)),
      AbortSignal.timeout(30_000),
    );
  };
  await bringUp();
  parts.defer(takeDown);
  const owned = parts.move();
  return {
    host,
    url: `oci://${host}`,
    async pushChart(archive, namespace) {
      const env = { HOME: folder, HELM_REGISTRY_CONFIG: join(folder, "login.json") };
      await mustRun(program("helm"), ["push", archive, `oci://${host}/${namespace}`, "--plain-http"], { env });
    },
    pushArtifact: async (name, tag, archive) => pushArtifact(`http://${host}/v2/${name}`, tag, archive),
    takeDown,
    bringUp,
    [Symbol.asyncDispose]: async () => owned.disposeAsync(),
  };
}

/** Settings of the server, and the login of its user for helm. */
async function writeSettings(folder: string, host: string, { auth = false, tls }: RegistryOptions): Promise<void> {
  const users = join(folder, "htpasswd");
  const settings = {
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "data") } },
    http: { addr: host, secret: "rig", ...(tls === undefined ? {} : { tls: await writeTls(folder, tls) }) },
    ...(auth ? { auth: { htpasswd: { realm: "rig", path: users } } } : {}),
  };
  await writeFile(join(folder, "config.yml"), JSON.stringify(settings));
  await writeFile(users, `${registryUser.username}:${passwordHash}\n`);
  const login = { auths: { [host]: { auth: basic } } };
  await writeFile(join(folder, "login.json"), JSON.stringify(login));
}

const basic = Buffer.from(`${registryUser.username}:${registryUser.password}`).toString("base64");

async function writeTls(folder: string, tls: NonNullable<RegistryOptions["tls"]>): Promise<object> {
  const path = (name: string): string => join(folder, name);
  await writeFile(path("server.pem"), tls.certificatePem);
  await writeFile(path("server.key"), tls.privateKeyPem);
  await writeFile(path("clients.pem"), tls.caPem);
  return { certificate: path("server.pem"), key: path("server.key"), clientcas: [path("clients.pem")] };
}

async function listens(host: string): Promise<boolean> {
  const socket = connect(Number(host.split(":")[1]), "127.0.0.1");
  return once(socket, "connect").then(
    () => socket.destroy().destroyed,
    () => false,
  );
}

async function answers(host: string): Promise<boolean> {
  return fetch(`http://${host}/v2/`).then(
    ({ status }) => status === 200 || status === 401,
    () => false,
  );
}

async function pushArtifact(base: string, tag: string, archive: Uint8Array<ArrayBuffer>): Promise<string> {
  const config = new TextEncoder().encode("{}");
  for (const blob of [config, archive]) {
    const started = await send(`${base}/blobs/uploads/`, { method: "POST" });
    const upload = new URL(started.headers.get("location") ?? "", base);
    upload.searchParams.set("digest", digestOf(blob));
    await send(upload.href, { method: "PUT", body: blob });
  }
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: { mediaType: "application/vnd.cncf.flux.config.v1+json", digest: digestOf(config), size: config.length },
    layers: [
      {
        mediaType: "application/vnd.cncf.flux.content.v1.tar+gzip",
        digest: digestOf(archive),
        size: archive.length,
      },
    ],
  });
  const headers = { "content-type": mediaType };
  await send(`${base}/manifests/${tag}`, { method: "PUT", body: manifest, headers });
  return digestOf(manifest);
}

function digestOf(content: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

interface Sent {
  readonly method: string;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send(url: string, init: Sent): Promise<Response> {
  const response = await fetch(url, { ...init, headers: { ...init.headers, authorization: `Basic ${basic}` } });
  if (!response.ok) throw new Error(`${init.method} ${url}: ${response.status} ${await response.text()}`);
  return response;
}

/** Makes the archive of a chart with the real `helm package`, in a folder; returns its path. */
export async function packageChart(
  folder: string,
  { name, version }: { readonly name: string; readonly version: string },
  files: Readonly<Record<string, string>>,
): Promise<string> {
  await using tree = await createWorkTree({
    files: { "Chart.yaml": `apiVersion: v2\nname: ${name}\nversion: ${version}\n`, ...files },
  });
  await mustRun(program("helm"), ["package", tree.path, "--destination", folder]);
  return join(folder, `${name}-${version}.tgz`);
}

/** A tar+gzip of files. */
export async function packFiles(files: Readonly<Record<string, string>>): Promise<Uint8Array<ArrayBuffer>> {
  await using tree = await createWorkTree({ files });
  const archive = join(tree.path, ".git", "packed.tgz");
  await mustRun("tar", ["--exclude=./.git", "-czf", archive, "-C", tree.path, "."]);
  return Uint8Array.from(await readFile(archive));
}
