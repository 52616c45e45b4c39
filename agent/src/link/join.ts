import type { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";

import { type ChallengeResponse, EnrollServiceClient, type KeyProof } from "@drover/proto/gen/drover/enroll/v1/enroll";
import type * as wire from "@drover/proto/gen/drover/enroll/v1/enroll";
import { DroverError } from "@drover/shared/errors";
import type { EnrollRequest, EnrollResponse } from "@drover/shared/link/link";
import { fromStatus } from "@drover/shared/link/status";
import { asBuffer, credentialsFromWire } from "@drover/shared/link/wire";
import { spkiPin } from "@drover/shared/trust/certificate";
import { proveEnrolmentKey } from "@drover/shared/trust/enrolment-key";
import type { Identity } from "@drover/shared/trust/identity";
import { type ClientUnaryCall, Metadata, type ServiceError, status as Status } from "@grpc/grpc-js";

import { channelCredentials, channelOptions, hostOf, portOf, type Trust } from "./dial.ts";

const timeoutMs = 20_000;

/**
 * The certificate (PEM) of the authority behind an address, if it has the key that the pin names. Nothing but a TLS
 * handshake is sent; what follows trusts this authority only. Throws `join_refused` for any other authority,
 * `link_closed` when nobody answers.
 */
export async function fetchAuthority(address: string, pin: string, signal: AbortSignal): Promise<string> {
  // Nothing is known yet that this connection could be verified with; it only looks at what the other side presents.
  const socket = connect({
    host: hostOf(address),
    port: portOf(address),
    rejectUnauthorized: false,
    minVersion: "TLSv1.3",
    ALPNProtocols: ["h2"],
  });
  try {
    await once(socket, "secureConnect", { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    const authority = presentedChain(socket).find((certificate) => spkiPin(certificate) === pin);
    if (authority !== undefined) return authority.toString();
  } catch (cause) {
    signal.throwIfAborted();
    throw new DroverError("link_closed", `no TLS connection to the hub at ${address}`, { cause });
  } finally {
    socket.destroy();
  }
  throw new DroverError("join_refused", `the server at ${address} is not the hub that issued the join token`, {
    hint: "check the hub's address, and that nothing between agent and hub ends the TLS connection",
  });
}

/** Proves the enrolment key for this request; undefined when the hub knows no such keys yet. Throws `link_closed`. */
export async function proveKey(
  address: string,
  trust: Trust,
  { privateKey, csr }: { readonly privateKey: string; readonly csr: Uint8Array },
  signal: AbortSignal,
): Promise<KeyProof | undefined> {
  try {
    const ask: Start<ChallengeResponse> = (client, answer) => client.challenge({}, new Metadata(), answer);
    const { nonce } = await call(address, trust, ask, signal);
    const { publicKey, signature } = proveEnrolmentKey(privateKey, nonce, csr);
    return { publicKey: asBuffer(publicKey), nonce, signature: asBuffer(signature) };
  } catch (cause) {
    if (isUnimplemented(cause)) return undefined;
    throw cause;
  }
}

function isUnimplemented(reason: unknown): boolean {
  if (!(reason instanceof DroverError)) return false;
  const { cause } = reason;
  return cause instanceof Error && "code" in cause && cause.code === Status.UNIMPLEMENTED;
}

/**
 * Trades a join token for the hub's answer, trusting only `authority`. Throws `join_refused`, `join_pending` or
 * `link_closed`.
 */
export async function enroll(
  address: string,
  authority: string,
  { enrolmentKey, ...request }: Omit<EnrollRequest, "key"> & { readonly enrolmentKey: string },
  signal: AbortSignal,
): Promise<EnrollResponse> {
  const trust = { authority };
  const proof = await proveKey(address, trust, { privateKey: enrolmentKey, csr: request.csr }, signal);
  const message = { ...request, csr: asBuffer(request.csr), proof };
  const ask: Start<wire.EnrollResponse> = (client, answer) => client.enroll(message, new Metadata(), answer);
  return readCredentials(await call(address, trust, ask, signal));
}

/** Trades an identity's certificate for a new one of the same cluster. Throws `unauthorized` or `link_closed`. */
export async function renew(
  address: string,
  identity: Identity,
  { csr, enrolmentKey }: { readonly csr: Uint8Array; readonly enrolmentKey: string },
  signal: AbortSignal,
): Promise<EnrollResponse> {
  const trust: Trust = { authority: identity.authority, own: identity };
  const proof =
    enrolmentKey === "" ? undefined : await proveKey(address, trust, { privateKey: enrolmentKey, csr }, signal);
  const message = { csr: asBuffer(csr), proof };
  const ask: Start<wire.RenewResponse> = (client, answer) => client.renew(message, new Metadata(), answer);
  return readCredentials(await call(address, trust, ask, signal));
}

function readCredentials({ credentials }: wire.EnrollResponse | wire.RenewResponse): EnrollResponse {
  const response = credentialsFromWire(credentials);
  if (response === undefined) throw new DroverError("internal", "the hub's answer is not complete");
  return response;
}

type Answer<T> = (failure: ServiceError | null, response: T) => void;
type Start<T> = (client: EnrollServiceClient, answer: Answer<T>) => ClientUnaryCall;

async function call<T>(address: string, trust: Trust, start: Start<T>, signal: AbortSignal): Promise<T> {
  const client = new EnrollServiceClient(address, channelCredentials(trust), channelOptions(address));
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    limited.throwIfAborted();
    return await new Promise<T>((resolve, reject) => {
      const running = start(client, (failure, response) => {
        if (failure === null) resolve(response);
        else reject(fromStatus(failure));
      });
      limited.addEventListener("abort", () => running.cancel(), { once: true });
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw cause;
  } finally {
    client.close();
  }
}

function presentedChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  // Bounded by hand: a self-signed certificate may name itself as its issuer.
  while (next !== undefined && chain.length < 8) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}
