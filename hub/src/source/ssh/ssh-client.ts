import { DroverError } from "@drover/shared/errors";
import type { GitHttpRequest, GitHttpResponse } from "isomorphic-git";
import type { Client } from "ssh2";

import { FlushScanner } from "../git/flush-scanner.ts";
import { collect, type GitTransport } from "../git/git-transport.ts";
import { createByteBudget, type ByteBudget } from "../web/byte-budget.ts";
import { unreachable } from "../web/https-request.ts";
import {
  connectSsh,
  missingRepository,
  refusedRequest,
  startCommand,
  type RemoteCommand,
  type SshLogin,
} from "./ssh-connection.ts";

export interface SshClientOptions {
  readonly login: SshLogin;
  /** Ends the connection and everything on it. */
  readonly signal: AbortSignal;
  /** Bytes of all answers together. */
  readonly maxBytes: number;
}

/**
 * Git's two requests over SSH. `GET info/refs` starts `git-upload-pack` and answers with what it advertises; the `POST`
 * that follows goes to the same process and answers with the rest. Every process has a connection of its own, since
 * some servers end it after one; at most one is open.
 */
export function createSshClient(options: SshClientOptions): GitTransport {
  return new SshTransport(options);
}

/** A git-upload-pack that has advertised its refs and waits for a request. */
interface Service extends RemoteCommand {
  readonly chunks: AsyncIterator<Uint8Array>;
  readonly advertised: readonly Uint8Array[];
  /** What came behind the advertisement in the same chunk. */
  readonly rest: Uint8Array;
}

const flush = Buffer.from("0000");
/** What HTTP puts in front of an advertisement. */
const announcement = Buffer.from("001e# service=git-upload-pack\n0000");

class SshTransport implements GitTransport {
  /** isomorphic-git chooses what to do by the scheme, and gets all its answers from here. */
  readonly url = "http://ssh.invalid";
  failure: DroverError | undefined;
  readonly #options: SshClientOptions;
  readonly #budget: ByteBudget;
  #client: Client | undefined;
  #service: Service | undefined;

  constructor(options: SshClientOptions) {
    this.#options = options;
    this.#budget = createByteBudget(options.login.address.url, options.maxBytes);
  }

  async request({ method, headers, body }: GitHttpRequest): Promise<GitHttpResponse> {
    if (method === "POST") return answer("result", this.#ask(await collect(body ?? [])));
    const protocol = headers?.["Git-Protocol"];
    try {
      const service = await this.#start(protocol === undefined ? {} : { GIT_PROTOCOL: protocol });
      this.#service = service;
      return answer("advertisement", stream([announcement, ...service.advertised]));
    } catch (cause) {
      throw this.#explain(cause);
    }
  }

  [Symbol.dispose](): void {
    this.#client?.destroy();
  }

  async #start(env: Readonly<Record<string, string>>): Promise<Service> {
    const { login, signal } = this.#options;
    this.#client?.destroy();
    this.#client = await connectSsh(login, signal);
    const command = await startCommand(this.#client, `git-upload-pack ${quote(login.address.path)}`, env);
    const chunks = command.channel[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    const found = await this.#readAdvertisement(chunks);
    if (found !== undefined) return { ...command, chunks, ...found };
    command.channel.end();
    if ((await command.exit) === undefined) throw this.#broken();
    throw missingRepository(login, command.complaint());
  }

  /** Undefined when the command ends without one. */
  async #readAdvertisement(
    chunks: AsyncIterator<Uint8Array>,
  ): Promise<Pick<Service, "advertised" | "rest"> | undefined> {
    const scanner = new FlushScanner();
    const advertised: Uint8Array[] = [];
    for (;;) {
      const next = await chunks.next();
      if (next.done === true) return undefined;
      this.#budget.spend(next.value.length);
      const end = scanner.scan(next.value);
      advertised.push(end === -1 ? next.value : next.value.subarray(0, end));
      if (end !== -1) return { advertised, rest: next.value.subarray(end) };
    }
  }

  async *#ask(body: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    const service = this.#service;
    this.#service = undefined;
    if (service === undefined) throw new TypeError("a request without an advertisement before it");
    try {
      // The oldest protocol says this of a repository without commits, and takes no request.
      if (Buffer.concat(service.advertised).equals(flush)) return yield flush;
      service.channel.end(body);
      yield service.rest;
      for (let next = await service.chunks.next(); next.done !== true; next = await service.chunks.next()) {
        this.#budget.spend(next.value.length);
        yield next.value;
      }
      const code = await service.exit;
      // An end without an exit code is where the connection broke.
      if (code === undefined) throw this.#broken();
      if (code !== 0) throw refusedRequest(this.#options.login, service.complaint());
    } catch (cause) {
      throw this.#explain(cause);
    }
  }

  #broken(): DroverError {
    return unreachable(this.#options.login.address.url, "the connection broke");
  }

  #explain(cause: unknown): Error {
    this.#options.signal.throwIfAborted();
    if (cause instanceof RangeError) this.failure = missingRepository(this.#options.login, "");
    // What the library and the streams throw says that the connection failed, in words that are not for people.
    else this.failure = cause instanceof DroverError ? cause : this.#broken();
    return this.failure;
  }
}

/** For the shell that a server gives the command to; what git quotes is quoted. */
export function quote(path: string): string {
  return `'${path.replaceAll(/['!]/gu, String.raw`'\$&'`)}'`;
}

function answer(kind: "advertisement" | "result", body: AsyncIterableIterator<Uint8Array>): GitHttpResponse {
  const headers = { "content-type": `application/x-git-upload-pack-${kind}` };
  return { url: "", statusCode: 200, statusMessage: "", headers, body };
}

async function* stream(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}
