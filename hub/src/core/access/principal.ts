import type { Person } from "./person.ts";

/** A person, as far as it matters whether two are the same. */
export interface Principal {
  readonly id: string;
  /** Address that the issuer has verified; "" = none. */
  readonly email: string;
}

/** Issuer and subject are who it is, whatever they are called. */
export function principalOf({ issuer, subject, email }: Pick<Person, "issuer" | "subject" | "email">): Principal {
  return { id: `${issuer} ${subject}`, email };
}
