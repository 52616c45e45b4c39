/** A piece of work on input that others wrote, done in the hub's own process: what is in it may end the process. */
export interface Attempt {
  /** `sourceKey` or `applicationKey`. */
  readonly key: string;
  /** Of the input. Another one is another attempt. */
  readonly version: string;
  /** How often the process ended while it ran. */
  readonly strikes: number;
  readonly running: boolean;
}

/** Reading what a source has. */
export function sourceKey(name: string): string {
  return `source ${name}`;
}

/** Working out what an application is. */
export function applicationKey(name: string): string {
  return `application ${name}`;
}

/** What ended the process so often is left alone (security-reliability T8). */
export const strikeLimit = 3;
/** Of more the oldest are forgotten. */
const maxAttempts = 1_000;

/**
 * What is known after a start. Everything that ran when the process ended is charged with it: nobody knows which it was.
 * What has a strike is never tried beside another that has one, so that the next end is the culprit's alone.
 */
export function charged(attempts: readonly Attempt[]): readonly Attempt[] {
  return attempts
    .map((one) => (one.running ? { ...one, strikes: one.strikes + 1, running: false } : one))
    .slice(-maxAttempts);
}

/** What the process before has left; none when it cannot be read, since losing it costs no more than another strike. */
export function readAttempts(text: string): readonly Attempt[] {
  try {
    const read: unknown = JSON.parse(text);
    return Array.isArray(read) ? read.filter(isAttempt) : [];
  } catch {
    return [];
  }
}

function isAttempt(value: unknown): value is Attempt {
  if (typeof value !== "object" || value === null) return false;
  const { key, version, strikes, running } = value as Partial<Record<keyof Attempt, unknown>>;
  const isText = typeof key === "string" && typeof version === "string";
  return isText && Number.isSafeInteger(strikes) && typeof running === "boolean";
}
