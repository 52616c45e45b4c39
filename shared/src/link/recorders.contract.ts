import type { Digest } from "../digest.ts";
import { DroverError } from "../errors.ts";
import type {
  Acknowledgement,
  AgentLinkHandler,
  EnrollRequest,
  EnrollResponse,
  Hello,
  HubLinkHandler,
  HubMessage,
  Inspection,
  RenewRequest,
  Report,
  Speaker,
  Welcome,
} from "./link.ts";

export type HubEvent =
  | { readonly kind: "connected"; readonly cluster: string; readonly hello: Hello }
  | { readonly kind: "introduced"; readonly cluster: string; readonly hello: Hello }
  | { readonly kind: "disconnected"; readonly cluster: string; readonly graceful: boolean; readonly reason: string }
  | { readonly kind: "acknowledged"; readonly cluster: string; readonly acknowledgement: Acknowledgement }
  | { readonly kind: "reported"; readonly cluster: string; readonly report: Report }
  | { readonly kind: "inspected"; readonly cluster: string; readonly inspection: Inspection };

/** A hub's handler that writes down what it is told. */
export class HubRecorder implements HubLinkHandler {
  readonly events: HubEvent[] = [];
  readonly blobs = new Map<Digest, Uint8Array>();
  refuseConnections = false;
  /** What connections are answered with. */
  reportsKnown = false;
  /** Called for each report after it was written down. */
  onReport: (report: Report) => void = () => undefined;

  /** Clusters that are let in no more. */
  readonly revoked = new Set<string>();

  admit({ cluster }: Speaker): void {
    if (this.revoked.has(cluster)) throw new DroverError("cluster_revoked", `cluster ${cluster} was revoked`);
  }

  holds({ cluster }: Speaker): boolean {
    return !this.revoked.has(cluster);
  }

  connected(cluster: string, hello: Hello): Welcome {
    if (this.refuseConnections) throw new DroverError("forbidden", `cluster ${cluster} was removed`);
    this.events.push({ kind: "connected", cluster, hello });
    return { reportsKnown: this.reportsKnown };
  }

  introduced(cluster: string, hello: Hello): void {
    this.events.push({ kind: "introduced", cluster, hello });
  }

  acknowledged(cluster: string, acknowledgement: Acknowledgement): void {
    this.events.push({ kind: "acknowledged", cluster, acknowledgement });
  }

  reported(cluster: string, report: Report): void {
    this.events.push({ kind: "reported", cluster, report });
    this.onReport(report);
  }

  inspected(cluster: string, inspection: Inspection): void {
    this.events.push({ kind: "inspected", cluster, inspection });
  }

  disconnected(cluster: string, end: { readonly graceful: boolean; readonly reason: string }): void {
    this.events.push({ kind: "disconnected", cluster, ...end });
  }

  blob(cluster: string, digest: Digest): Uint8Array | undefined {
    return cluster === "outsider" ? undefined : this.blobs.get(digest);
  }

  enroll(_request: EnrollRequest, _signal: AbortSignal): Promise<EnrollResponse> {
    return Promise.reject(new DroverError("join_refused", "nobody joins here"));
  }

  renew(_speaker: Speaker, _request: RenewRequest, _signal: AbortSignal): Promise<EnrollResponse> {
    return Promise.reject(new DroverError("unauthorized", "nobody renews here"));
  }

  of<K extends HubEvent["kind"]>(kind: K): Extract<HubEvent, { readonly kind: K }>[] {
    return this.events.filter((event): event is Extract<HubEvent, { readonly kind: K }> => event.kind === kind);
  }
}

/** An agent's handler that writes down what it is told. */
export class AgentRecorder implements AgentLinkHandler {
  readonly messages: HubMessage[] = [];
  readonly ends: string[] = [];
  connections = 0;
  /** What the next hello says. */
  generation = 0;
  nodes = 3;
  /** Called for each message after it was written down. */
  onMessage: (message: HubMessage) => void = () => undefined;

  hello(): Hello {
    const { generation, nodes } = this;
    const facts = { agentVersion: "1.2.3", kubernetesVersion: "v1.35.0", provider: "aws", region: "eu-west-1", nodes };
    return { ...facts, clusterUid: "uid-1", epoch: "e1", generation };
  }

  connected(): void {
    this.connections += 1;
  }

  received(message: HubMessage): void {
    this.messages.push(message);
    this.onMessage(message);
  }

  disconnected(reason: string): void {
    this.ends.push(reason);
  }
}
