import type { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";

import { EnrollServiceClient } from "@drover/proto/gen/drover/enroll/v1/enroll";
import { DroverError } from "@drover/shared/errors";
import type { EnrollRequest, EnrollResponse } from "@drover/shared/link/link";
import { fromStatus } from "@drover/shared/link/status";
import { asBuffer, credentialsFromWire } from "@drover/shared/link/wire";
import { spkiPin } from "@drover/shared/trust/certificate";
import type { Identity } from "@drover/shared/trust/identity";
import { type ClientUnaryCall, Metadata, type ServiceError } from "@grpc/grpc-js";

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

/** Trades a join token for the hub's answer, trusting only `authority`. Throws `join_refused` or `link_closed`. */
export function enroll(
  address: string,
  authority: string,
  request: EnrollRequest,
  signal: AbortSignal,
): Promise<EnrollResponse> {
  const message = { ...request, csr: asBuffer(request.csr) };
  return call(address, { authority }, (client, answer) => client.enroll(message, new Metadata(), answer), signal);
}

/** Trades an identity's certificate for a new one of the same cluster. Throws `unauthorized` or `link_closed`. */
export function renew(
  address: string,
  identity: Identity,
  csr: Uint8Array,
  signal: AbortSignal,
): Promise<EnrollResponse> {
  const trust: Trust = { authority: identity.authority, own: identity };
  const message = { csr: asBuffer(csr) };
  return call(address, trust, (client, answer) => client.renew(message, new Metadata(), answer), signal);
}

type Answer = Parameters<EnrollServiceClient["enroll"]>[3];
type Start = (client: EnrollServiceClient, answer: Answer) => ClientUnaryCall;

async function call(address: string, trust: Trust, start: Start, signal: AbortSignal): Promise<EnrollResponse> {
  const client = new EnrollServiceClient(address, channelCredentials(trust), channelOptions(address));
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    limited.throwIfAborted();
    const credentials = await new Promise<Parameters<typeof credentialsFromWire>[0]>((resolve, reject) => {
      const running = start(client, (failure: ServiceError | null, response) => {
        if (failure === null) resolve(response.credentials);
        else reject(fromStatus(failure));
      });
      limited.addEventListener("abort", () => running.cancel(), { once: true });
    });
    const response = credentialsFromWire(credentials);
    if (response === undefined) throw new DroverError("internal", "the hub's answer is not complete");
    return response;
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
