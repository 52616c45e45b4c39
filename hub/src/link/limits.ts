/** What one hub gives to its agents, and to strangers (security-reliability §1.4). */
export interface LinkLimits {
  /** Open connections altogether. */
  readonly connections: number;
  /** TLS handshakes under way, and of one address; others wait their turn. */
  readonly handshakes: number;
  readonly handshakesPerAddress: number;
  readonly handshakeTimeoutMs: number;
  /** How long a connection may wait for its turn: no agent waits longer for its welcome. */
  readonly handshakeWaitMs: number;
  /** Connections that have not said a word, and of one address: of more, the oldest end. */
  readonly silent: number;
  readonly silentPerAddress: number;
  /** Connections without a valid certificate: such agents can only enrol or renew. */
  readonly strangers: number;
  readonly strangersPerAddress: number;
  readonly strangerLifetimeMs: number;
  /** What one of them may send: many times what enrolling takes, and little enough to hold for all of them. */
  readonly strangerBytes: number;
  /** Of one cluster; a new one ends the oldest. Two, because an agent may be back before its old connection is noticed. */
  readonly connectionsPerCluster: number;
  readonly streamsPerConnection: number;
  /** What the headers of one stream may take. */
  readonly headerBytes: number;
  /** What a connection may send beside streams: so many at once, and then one in so many ms. */
  readonly pings: Allowance;
  readonly settings: Allowance;
  /** From the start of a stream to its hello. */
  readonly helloTimeoutMs: number;
  /** How often an agent says that it lives when it has nothing else to say. */
  readonly pingIntervalMs: number;
  /** After this long without a word a cluster counts as gone. */
  readonly silenceMs: number;
  /** How long an ended stream may take to deliver its last message. */
  readonly goodbyeMs: number;
  readonly joinFailuresPerMinute: number;
  /** For how long after its end a certificate may still be traded for a new one. */
  readonly recoveryWindowMs: number;
}

/** A burst, and how long it takes to get one of it back. */
export interface Allowance {
  readonly burst: number;
  readonly refillMs: number;
}

const dayMs = 24 * 3_600_000;

export const defaultLinkLimits: LinkLimits = {
  connections: 12_000,
  // One that is stalled costs memory only: few addresses must not be able to hold all of them.
  handshakes: 1_024,
  handshakesPerAddress: 64,
  handshakeTimeoutMs: 5_000,
  handshakeWaitMs: 20_000,
  silent: 4_096,
  // Those who come through a broker are one address, and a fleet may come at once.
  silentPerAddress: 2_048,
  strangers: 256,
  strangersPerAddress: 20,
  strangerLifetimeMs: 30_000,
  strangerBytes: 256 * 1024,
  connectionsPerCluster: 2,
  streamsPerConnection: 32,
  headerBytes: 8 * 1024,
  pings: { burst: 5, refillMs: 10_000 },
  settings: { burst: 5, refillMs: 10_000 },
  helloTimeoutMs: 10_000,
  pingIntervalMs: 20_000,
  silenceMs: 40_000,
  goodbyeMs: 1_000,
  joinFailuresPerMinute: 10,
  recoveryWindowMs: 30 * dayMs,
};
