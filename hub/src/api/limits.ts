/** Bounds of the admin API. All are tested at the limit and beyond it. */
export interface ApiLimits {
  readonly bodyBytes: number;
  readonly headerBytes: number;
  readonly urlBytes: number;
  /** How long a client may take to send its request. */
  readonly requestTimeoutMs: number;
  /** How long an agent may take to answer what only it knows: diff and tree. */
  readonly agentTimeoutMs: number;
  /** Of a webhook delivery. GitHub sends up to 25 MiB; the body is only hashed, piece by piece, so that it costs no memory. */
  readonly webhookBytes: number;
  /** How long a delivery may take to come. */
  readonly webhookTimeoutMs: number;
  /** Deliveries that may come at the same time: far from what would keep people and agents from being answered. */
  readonly webhooks: number;
  /** Wrong tokens that an address may send within the time before it is not looked at any more. */
  readonly wrongTokens: number;
  readonly wrongTokensMs: number;
  /** Logins that an address may begin within the time. */
  readonly logins: number;
  readonly loginsMs: number;
  /** How often it is looked whether the reader of a stream still has the right to. */
  readonly recheckMs: number;
  readonly connections: number;
  readonly streams: number;
  readonly streamsPerToken: number;
  readonly heartbeatMs: number;
  readonly stallMs: number;
}

export const defaultLimits: ApiLimits = {
  bodyBytes: 1024 * 1024,
  headerBytes: 8 * 1024,
  urlBytes: 4 * 1024,
  requestTimeoutMs: 30_000,
  agentTimeoutMs: 10_000,
  webhookBytes: 25 * 1024 * 1024,
  webhookTimeoutMs: 10_000,
  webhooks: 200,
  wrongTokens: 5,
  wrongTokensMs: 5 * 60_000,
  logins: 30,
  loginsMs: 60_000,
  recheckMs: 2000,
  connections: 2000,
  streams: 1000,
  streamsPerToken: 50,
  heartbeatMs: 15_000,
  stallMs: 30_000,
};
