import type { Problem } from "@drover/shared/problems";

/** How long before its end a certificate is warned of. */
const warningMs = 14 * 86_400_000;

interface Expiring {
  readonly name: string;
  /** When the first certificate ends without which the credential is worth nothing; 0 = never. */
  readonly expiresAtMs: number;
}

/** What is to be said of a credential whose certificate ends soon, or has ended: an error then. */
export function expiryProblem({ name, expiresAtMs }: Expiring, nowMs: number): Problem | undefined {
  if (expiresAtMs === 0 || expiresAtMs - nowMs > warningMs) return undefined;
  const hasEnded = expiresAtMs <= nowMs;
  const day = new Date(expiresAtMs).toISOString().slice(0, 10);
  return {
    code: "credential-expires",
    severity: hasEnded ? "error" : "warning",
    message: `a certificate of the credential ${name} ${hasEnded ? "expired" : "expires"} on ${day}`,
    hint: `give it a new one: drover credential add ${name} --replace`,
  };
}
