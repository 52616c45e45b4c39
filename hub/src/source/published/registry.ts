import { digestOf, isDigest, type Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { isRecord, listAt, numberAt, textAt } from "@drover/shared/json";

import type { PackageRef } from "../../core/package.ts";
import { isVersion, pickVersion } from "../../core/version-range.ts";
import type { Credential } from "../web/credential.ts";
import { unreachable } from "../web/https-request.ts";
import { createWebClient, showUrl, type WebAnswer, type WebClient } from "../web/web-client.ts";
import { authorize } from "./registry-auth.ts";
import type { Resolved, ResolveOptions } from "./resolved.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const maxManifestBytes = 4 * 1024 * 1024;
const maxTagsBytes = 4 * 1024 * 1024;
const maxTagPages = 100;
/** Helm's, Flux's, and what ORAS and others make of a folder. */
const layerTypes = {
  chart: /^application\/vnd\.cncf\.helm\.chart\.content\.v1\.tar\+gzip$/u,
  artifact: /^application\/.*(?:tar\+gzip|tar\.gzip)$/u,
};

/**
 * What a reference to an OCI registry names now (distribution specification 1.1). Its digest is the manifest's. Throws
 * `source_auth`, `source_missing`, `source_ref_missing`, `source_unreachable`, `digest_mismatch`, `document_invalid`,
 * `input_too_large`, `forbidden`.
 */
export async function resolveInRegistry(ref: PackageRef, options: ResolveOptions): Promise<Resolved> {
  const registry = new Registry(ref, options);
  const version = await chooseVersion(ref, registry);
  const reference = ref.digest || ref.tag || version.replaceAll("+", "_");
  const { digest, manifest } = await registry.manifest(reference);
  const layer = findLayer(ref, manifest);
  return {
    version: version || ref.tag,
    digest,
    content: layer.digest,
    download: (maxBytes) => registry.blob(layer, maxBytes),
  };
}

/** A tag cannot hold the + of a version; Helm writes _ for it. */
async function chooseVersion({ version, repository, name }: PackageRef, registry: Registry): Promise<string> {
  if (version === "" || isVersion(version)) return version;
  const tags = await registry.tags();
  const found = pickVersion(
    version,
    tags.map((tag) => tag.replaceAll("_", "+")),
  );
  if (found !== undefined) return found;
  throw new DroverError("source_ref_missing", `${repository} has no version of ${name} in ${version}`, {
    hint: tags.length === 0 ? "nothing is published there" : `the newest tags are ${tags.slice(-5).join(", ")}`,
  });
}

interface Layer {
  readonly digest: Digest;
  readonly size: number;
}

function findLayer({ kind }: PackageRef, manifest: unknown): Layer {
  for (const layer of listAt(manifest, "layers")) {
    const [digest, size] = [textAt(layer, "digest"), numberAt(layer, "size")];
    const isWanted = layerTypes[kind].test(textAt(layer, "mediaType") ?? "");
    if (isWanted && digest !== undefined && isDigest(digest) && size !== undefined) return { digest, size };
  }
  const what = kind === "chart" ? "no chart" : "no tar+gzip layer of files";
  throw new DroverError("document_invalid", `the manifest holds ${what}`, {
    hint: kind === "chart" ? "charts are published with helm push" : "publish it with flux push artifact or oras push",
  });
}

class Registry {
  readonly #base: URL;
  readonly #name: string;
  readonly #credential: Credential | undefined;
  readonly #clientFor: (origin: string) => WebClient;
  #authorization: string | undefined;

  constructor(ref: PackageRef, options: ResolveOptions) {
    const { base, path } = parseRepository(ref.repository);
    this.#base = base;
    this.#name = ref.kind === "chart" ? `${path}/${ref.name}` : path;
    this.#credential = options.credential;
    this.#clientFor = (origin) => createWebClient({ origin, ...options });
  }

  /** All of them, in the registry's order. */
  async tags(): Promise<readonly string[]> {
    const tags: string[] = [];
    let url: URL | undefined = this.#url("tags/list?n=1000");
    for (let page = 0; url !== undefined; page += 1) {
      if (page >= maxTagPages) throw new DroverError("input_too_large", `${showUrl(url)} has too many tags`);
      const answer = await this.#get(url, { maxBytes: maxTagsBytes });
      tags.push(...listAt(parse(answer, url), "tags").filter((tag) => typeof tag === "string"));
      url = this.#nextPage(answer, url);
    }
    return tags;
  }

  async manifest(reference: string): Promise<{ readonly digest: Digest; readonly manifest: unknown }> {
    const url = this.#url(`manifests/${reference}`);
    const answer = await this.#get(url, { accept: manifestType, maxBytes: maxManifestBytes });
    const digest = digestOf(answer.body);
    const expected = isDigest(reference) ? reference : answer.header("docker-content-digest") || digest;
    if (expected !== digest) throw mismatch(showUrl(url), expected, digest);
    const manifest = parse(answer, url);
    if (isRecord(manifest) && Array.isArray(manifest["layers"])) return { digest, manifest };
    throw new DroverError("document_invalid", `${showUrl(url)} is no manifest of an artifact`);
  }

  /** What is longer than its manifest says is not read to its end. */
  async blob({ digest, size }: Layer, maxBytes: number): Promise<Uint8Array> {
    const url = this.#url(`blobs/${digest}`);
    if (size > maxBytes) {
      throw new DroverError("input_too_large", `${showUrl(url)} is larger than ${maxBytes / 1024 / 1024} MiB`);
    }
    return (await this.#get(url, { maxBytes: size })).body;
  }

  #url(path: string): URL {
    return new URL(`/v2/${this.#name}/${path}`, this.#base);
  }

  async #get(url: URL, request: { readonly accept?: string; readonly maxBytes: number }): Promise<WebAnswer> {
    const client = this.#clientFor(this.#base.origin);
    let answer = await client.get(url, { ...request, authorization: this.#authorization });
    if (answer.status === 401 && this.#authorization === undefined) {
      const challenge = { answer, registry: this.#base, name: this.#name };
      this.#authorization = await authorize(challenge, this.#credential, this.#clientFor);
      answer = await client.get(url, { ...request, authorization: this.#authorization });
    }
    if (answer.status === 200) return answer;
    throw refusal(url, answer.status);
  }

  #nextPage(answer: WebAnswer, url: URL): URL | undefined {
    const link = /^\s*<([^>]*)>\s*;\s*rel="?next"?/u.exec(answer.header("link"))?.[1];
    if (link === undefined || !URL.canParse(link, url.href)) return undefined;
    const next = new URL(link, url);
    return next.origin === this.#base.origin ? next : undefined;
  }
}

/** As Docker has it: on this machine without encryption, and Docker Hub by its other name. */
function parseRepository(repository: string): { readonly base: URL; readonly path: string } {
  const [, host = "", path = ""] = /^oci:\/\/([^/]+)\/(.*)$/u.exec(repository) ?? [];
  const scheme = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/u.test(host) ? "http" : "https";
  const address = `${scheme}://${host === "docker.io" ? "registry-1.docker.io" : host}`;
  if (URL.canParse(address)) return { base: new URL(address), path };
  throw new DroverError("usage", `${repository} is no address of a registry`);
}

function parse({ body }: WebAnswer, url: URL): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch (cause) {
    throw new DroverError("document_invalid", `${showUrl(url)} is no JSON`, { cause });
  }
}

export function mismatch(where: string, expected: string, found: Digest): DroverError {
  const message = `${where} has not the digest that was announced: ${found} instead of ${expected}`;
  return new DroverError("digest_mismatch", message, { hint: "it was changed on its way, or is published badly" });
}

/** What a status other than 200 means. */
export function refusal(url: URL, status: number): DroverError {
  if (status === 401 || status === 403) {
    const hint = "its credential is missing, wrong or expired, or may not read this";
    return new DroverError("source_auth", `${showUrl(url)} refuses access (status ${status})`, { hint });
  }
  if (status === 404 || status === 410) {
    const hint = "check the address and the version; some servers answer so when credentials are missing";
    return new DroverError("source_ref_missing", `there is nothing at ${showUrl(url)}`, { hint });
  }
  return unreachable(showUrl(url), `its answer has status ${status}`);
}
