import type {
  AgentServiceClient,
  AgentServiceServer,
  ConnectRequest,
  ConnectResponse,
  FetchBlobsRequest,
  FetchBlobsResponse,
} from "@drover/proto/gen/drover/agent/v1/agent";

import { ClientCall, ServerCall } from "./calls.ts";
import { Lane, unavailable, type Ending } from "./lane.ts";
import type { Chance } from "./random.ts";
import type { Life, Time } from "./time.ts";

/** How a cluster reaches the hub. `cut`: connections break. `silent`: they stay open, and nothing comes through. */
export type Route = "open" | "cut" | "silent";

/** What of a client certificate counts here. */
export interface Certificate {
  readonly cluster: string;
  readonly generation: number;
  /** Why it speaks for nobody: signed by another authority, or ended. */
  readonly fault?: "foreign" | "expired";
}

/** The hub's end, as long as it lives. */
export interface Door {
  readonly life: Life;
  readonly service: AgentServiceServer;
  /** A connection was opened, by who shows this certificate. */
  readonly opened: (endpoint: string, certificate: Certificate, destroy: () => void) => void;
  /** Trades a certificate for the next one. */
  readonly renew: (certificate: Certificate) => Promise<Certificate>;
  readonly closed: (endpoint: string) => void;
}

/**
 * Streams between agents and the hub, at the seam where gRPC begins: what goes through one stream stays in order, what
 * goes through different ones does not.
 */
export class Network {
  readonly #time: Time;
  readonly #chance: Chance;
  readonly #routes = new Map<string, Route>();
  readonly #connections = new Set<Connection>();
  readonly #heardAt = new Map<string, number>();
  readonly #dialled = new Map<string, number>();
  #door: Door | undefined;
  #opened = 0;

  constructor(time: Time, chance: Chance) {
    this.#time = time;
    this.#chance = chance;
  }

  open(door: Door): void {
    this.#door = door;
    // Whoever still speaks to the hub from before is told so by the next packet.
    for (const connection of this.#connections) {
      this.#time.schedule(this.#chance.between(0, 15_000), `${connection.cluster} stale`, () =>
        connection.breakUnlessTo(door),
      );
    }
  }

  /** The hub is gone. Whether its host still says so to those who were connected is chance. */
  close(): void {
    this.#door = undefined;
    for (const connection of this.#connections) if (this.#chance.hit(0.7)) connection.break();
  }

  route(cluster: string): Route {
    return this.#routes.get(cluster) ?? "open";
  }

  setRoute(cluster: string, route: Route): void {
    this.#routes.set(cluster, route);
    for (const connection of this.#connections) if (connection.cluster === cluster) connection.routeChanged();
  }

  /** Nothing comes through on what is open now, as when a router has forgotten it; new connections flow. */
  strand(cluster: string): void {
    for (const connection of this.#connections) if (connection.cluster === cluster) connection.strand();
  }

  /** How often its agents have dialled. */
  dialled(cluster: string): number {
    return this.#dialled.get(cluster) ?? 0;
  }

  /** When anything of a cluster got to the hub for the last time. */
  heardAt(cluster: string): number {
    return this.#heardAt.get(cluster) ?? 0;
  }

  /** The agent is gone, and its host with it or not. */
  forget(life: Life): void {
    for (const connection of this.#connections) {
      if (connection.life === life && this.#chance.hit(0.7)) connection.break();
    }
  }

  /** Asks the hub for the next certificate. */
  renew(certificate: Certificate, life: Life): Promise<Certificate> {
    const { cluster } = certificate;
    return new Promise((resolve, reject) => {
      const later = (happen: () => void): void =>
        void this.#time.schedule(this.#chance.between(1, 30), `${cluster} renews`, () => {
          if (life.alive) happen();
        });
      later(() => {
        const door = this.#door;
        if (door?.life.alive !== true || this.route(cluster) !== "open") {
          later(() => reject(unavailable()));
          return;
        }
        door.renew(certificate).then(
          (next) => later(() => resolve(next)),
          (cause: unknown) => later(() => reject(cause instanceof Error ? cause : unavailable())),
        );
      });
    });
  }

  /** What the agent of a cluster speaks to the hub with. */
  dial(certificate: Certificate, life: Life): AgentServiceClient {
    this.#opened += 1;
    const { cluster } = certificate;
    this.#dialled.set(cluster, this.dialled(cluster) + 1);
    const connection = new Connection({
      certificate,
      life,
      endpoint: `${cluster}:${this.#opened}`,
      time: this.#time,
      chance: this.#chance,
      route: () => this.route(cluster),
      door: () => this.#door,
      heard: () => void this.#heardAt.set(cluster, this.#time.now),
      ended: () => void this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    const client = {
      connect: () => connection.connect(),
      fetchBlobs: (request: FetchBlobsRequest) => connection.fetchBlobs(request),
      close: () => connection.close(),
    };
    return client as unknown as AgentServiceClient;
  }
}

interface ConnectionOptions {
  readonly certificate: Certificate;
  readonly life: Life;
  readonly endpoint: string;
  readonly time: Time;
  readonly chance: Chance;
  readonly route: () => Route;
  readonly door: () => Door | undefined;
  /** Something got to the hub. */
  readonly heard: () => void;
  readonly ended: () => void;
}

/** One connection with its streams. */
class Connection {
  readonly cluster: string;
  readonly life: Life;
  readonly #options: ConnectionOptions;
  /** To the hub, and to the agent. */
  readonly #up = new Set<Ending>();
  readonly #down = new Set<Ending>();
  /** The hub that it was accepted by. */
  #door: Door | undefined;
  #isOver = false;
  #isStranded = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.cluster = options.certificate.cluster;
    this.life = options.life;
  }

  connect(): object {
    const up = this.#lane<ConnectRequest>(this.#up);
    const down = this.#lane<ConnectResponse>(this.#down);
    const server = new ServerCall<ConnectRequest, ConnectResponse>(this.#options.endpoint, up.pipe, down);
    this.#accept(up, down, (door) => door.service.connect(server.call));
    return new ClientCall(down, up, server).call;
  }

  fetchBlobs(request: FetchBlobsRequest): object {
    const up = this.#lane<never>(this.#up);
    const down = this.#lane<FetchBlobsResponse>(this.#down);
    const server = new ServerCall<never, FetchBlobsResponse>(this.#options.endpoint, up.pipe, down, request);
    this.#accept(up, down, (door) => door.service.fetchBlobs(server.call));
    return new ClientCall(down, up, server).call;
  }

  /** The agent leaves: the hub learns of it when something gets through. */
  close(): void {
    for (const lane of this.#down) lane.cut();
    this.#tell(() => this.break());
  }

  /** The hub throws it out. */
  #destroy(): void {
    for (const lane of this.#up) lane.cut();
    this.#tell(() => this.break());
  }

  #tell(arrive: () => void): void {
    this.#lane(this.#up).signal(arrive);
  }

  breakUnlessTo(door: Door): void {
    if (this.#door !== door) this.break();
  }

  /** Both ends learn that the connection is gone. */
  break(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.ended();
    for (const lane of [...this.#up, ...this.#down]) lane.cut();
    this.#door?.closed(this.#options.endpoint);
  }

  strand(): void {
    this.#isStranded = true;
  }

  routeChanged(): void {
    if (this.#options.route() === "cut") this.break();
    for (const lane of [...this.#up, ...this.#down]) lane.resume();
  }

  #lane<T>(among: Set<Ending>): Lane<T> {
    const { time, chance, endpoint, route, heard } = this.#options;
    const isUp = among === this.#up;
    const agentLives = (): boolean => this.life.alive;
    const hubLives = (): boolean => this.#door?.life.alive !== false;
    const lane = new Lane<T>({
      time,
      chance,
      name: endpoint,
      isHeld: () => this.#isStranded || route() === "silent",
      arrived: isUp ? heard : (): void => undefined,
      senderLives: isUp ? agentLives : hubLives,
      readerLives: isUp ? hubLives : agentLives,
    });
    among.add(lane);
    return lane;
  }

  /** A stream gets to the hub: it opens the connection when it is the first. */
  #accept(up: Pick<Lane<never>, "signal">, down: Ending, begin: (door: Door) => void): void {
    const { endpoint, certificate, route, door: find } = this.#options;
    // What a route holds back gets there when it is open again.
    up.signal(() => {
      if (this.#isOver) return;
      const door = find();
      if (route() === "cut" || door === undefined || (this.#door !== undefined && this.#door !== door)) {
        this.break();
        down.cut();
        return;
      }
      if (this.#door === undefined) {
        this.#door = door;
        door.opened(endpoint, certificate, () => this.#destroy());
      }
      if (door.life.alive) begin(door);
    });
  }
}
