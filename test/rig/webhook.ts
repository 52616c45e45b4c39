import { once } from "node:events";
import { createServer, type Server } from "node:https";
import { json } from "node:stream/consumers";

import { sharedCertificates } from "../cluster/certificates.ts";

/** `request` of an AdmissionReview, as far as tests read it. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly subResource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly userInfo: { readonly username: string; readonly groups?: readonly string[] };
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly dryRun: boolean;
  readonly options: unknown;
}

export type WebhookAnswer =
  | {
      readonly kind: "allow";
      /** RFC 6902. */ readonly patch?: readonly object[];
      readonly warnings?: readonly string[];
    }
  | { readonly kind: "deny"; readonly status?: object }
  /** An HTTP failure of the webhook itself. */
  | { readonly kind: "fail"; readonly code: number }
  /** Never answers: the caller has to time out. */
  | { readonly kind: "silence" };

/** An admission webhook on loopback HTTPS that answers as the test says; real and embedded API servers can call it. */
export interface Webhook extends AsyncDisposable {
  readonly url: string;
  /** `clientConfig` of a webhook configuration. */
  readonly clientConfig: { readonly url: string; readonly caBundle: string };
  /** Requests since the last call of this, oldest first; the oldest are dropped beyond 10,000. */
  takeRequests(): readonly AdmissionRequest[];
  /** How to answer from now on; at first everything is allowed. */
  script(answer: (request: AdmissionRequest) => WebhookAnswer): void;
}

const requestLimit = 10_000;

export async function startWebhook(): Promise<Webhook> {
  const { certificatePem, privateKeyPem, caPem } = await sharedCertificates();
  const requests: AdmissionRequest[] = [];
  let script: (request: AdmissionRequest) => WebhookAnswer = () => ({ kind: "allow" });
  const server = createServer({ cert: certificatePem, key: privateKeyPem }, (incoming, response) => {
    const reply = async (): Promise<void> => {
      const { request } = (await json(incoming)) as { readonly request: AdmissionRequest };
      requests.push(request);
      if (requests.length > requestLimit) requests.shift();
      const answer = script(request);
      if (answer.kind === "silence") return;
      if (answer.kind === "fail") response.writeHead(answer.code).end();
      else response.setHeader("content-type", "application/json").end(JSON.stringify(review(request.uid, answer)));
    };
    reply().catch(() => response.destroy());
  });
  const url = `https://127.0.0.1:${await listen(server)}/admit`;
  return {
    url,
    clientConfig: { url, caBundle: Buffer.from(caPem).toString("base64") },
    takeRequests: () => requests.splice(0),
    script: (answer) => void (script = answer),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the webhook has no port");
  return address.port;
}

function review(uid: string, answer: Extract<WebhookAnswer, { readonly kind: "allow" | "deny" }>): object {
  const response =
    answer.kind === "deny"
      ? { uid, allowed: false, ...(answer.status === undefined ? {} : { status: answer.status }) }
      : { uid, allowed: true, ...patchOf(answer.patch), warnings: answer.warnings ?? [] };
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response };
}

function patchOf(patch: readonly object[] | undefined): object {
  if (patch === undefined) return {};
  return { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64") };
}
