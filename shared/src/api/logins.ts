import { systemClock, type Clock } from "../clock.ts";
import { DroverError } from "../errors.ts";
import { createHttp, type Fetch } from "./http.ts";
import type { DeviceLogin, FinishedLogin, PendingLogin } from "./session.ts";

export interface LoginOptions {
  /** Base address of the hub. */
  readonly url: string;
  readonly fetch?: Fetch;
  readonly clock?: Clock;
}

/**
 * Logs a command in: `show` tells the person where to say yes, and then the hub is asked until they have. Throws
 * `timeout` when they do not in time, and what the hub says: `unauthorized`, `forbidden`, `issuer_unreachable`.
 */
export async function logIn(
  options: LoginOptions,
  show: (login: DeviceLogin) => void,
  signal: AbortSignal,
): Promise<FinishedLogin> {
  const clock = options.clock ?? systemClock;
  const http = createHttp({ ...options, token: "", root: "/auth" });
  const login = await http.send<DeviceLogin>("POST", "/device", signal);
  show(login);
  const { ticket } = login;
  const endsAt = clock.now() + login.expiresInSeconds * 1000;
  let waitMs = login.intervalSeconds * 1000;
  while (clock.now() + waitMs < endsAt) {
    await clock.sleep(waitMs, signal);
    const answer = await ask(() =>
      http.send<FinishedLogin | PendingLogin>("POST", "/device/session", signal, { ticket }),
    );
    if (answer?.status === "done") return answer;
    // RFC 8628 §3.5: five seconds more, for good; what cannot be reached is asked again later as well.
    if (answer?.status !== "pending") waitMs += 5_000;
  }
  throw new DroverError("timeout", "nobody said yes in time", { hint: "begin again" });
}

/** Ends the login that this is the token of. */
export async function logOut(options: LoginOptions & { readonly token: string }, signal: AbortSignal): Promise<void> {
  await createHttp({ ...options, root: "/auth" }).send("POST", "/logout", signal);
}

/** Undefined when there is no answer this time. */
async function ask<T>(question: () => Promise<T>): Promise<T | undefined> {
  try {
    return await question();
  } catch (cause) {
    const error = DroverError.from(cause);
    if (error.code === "api_unreachable" || error.code === "issuer_unreachable") return undefined;
    throw error;
  }
}
