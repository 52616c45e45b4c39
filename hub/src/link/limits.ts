/** What one hub gives to its agents, and to strangers (security-reliability §1.4). */
export interface LinkLimits {
  /** Open connections altogether. */
  readonly connections: number;
  /** TLS handshakes under way. */
  readonly handshakes: number;
  readonly handshakeTimeoutMs: number;
  /** Connections without a valid certificate: such agents can only enrol or renew. */
  readonly strangers: number;
  readonly strangersPerAddress: number;
  readonly strangerLifetimeMs: number;
  /** What one of them may send: many times what enrolling takes, and little enough to hold for all of them. */
  readonly strangerBytes: number;
  /** Of one cluster; a new one ends the oldest. Two, because an agent may be back before its old connection is noticed. */
  readonly connectionsPerCluster: number;
  readonly streamsPerConnection: number;
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

const dayMs = 24 * 3_600_000;

export const defaultLinkLimits: LinkLimits = {
  connections: 12_000,
  handshakes: 1_024,
  handshakeTimeoutMs: 10_000,
  strangers: 256,
  strangersPerAddress: 20,
  strangerLifetimeMs: 30_000,
  strangerBytes: 256 * 1024,
  connectionsPerCluster: 2,
  streamsPerConnection: 32,
  helloTimeoutMs: 10_000,
  pingIntervalMs: 15_000,
  silenceMs: 45_000,
  goodbyeMs: 1_000,
  joinFailuresPerMinute: 10,
  recoveryWindowMs: 30 * dayMs,
};
