import { DroverError } from "@drover/shared/errors";

/** A repository behind an SSH server. */
export interface SshAddress {
  readonly kind: "ssh";
  /** Without the user: what is shown. */
  readonly url: string;
  readonly username: string;
  readonly host: string;
  readonly port: number;
  /** As the server's shell is to see it: relative to the user's home unless it begins with a slash. */
  readonly path: string;
}

const scpForm = /^(?:(?<user>[^@/\\]*)@)?(?<host>\[[^\]]*\]|[^:/\\@[\]]*):(?<path>[^]*)$/u;
/** Neither may begin with a dash: programs would take it for an option. */
const safeHost = /^(?:[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|[0-9a-f]*:[0-9a-f:.]+)$/iu;
const safeUser = /^[a-z0-9_][a-z0-9_.+-]{0,63}$/iu;
const maxPath = 1024;

/** Whether a text is `ssh://…` or `[user@]host:path`. As with git, `./a:b` is the path of a file. */
export function isSshAddress(url: string): boolean {
  return /^ssh:\/\//iu.test(url) || (!/^[^:/\\]*:\/\//u.test(url) && scpForm.test(url));
}

/** Throws `usage`, without quoting what may hold a password. The user is `git` unless another one is named. */
export function parseSshAddress(url: string, givenUser: string): SshAddress {
  const { user, host, port, path } = /^ssh:\/\//iu.test(url) ? readUrl(url) : readScpForm(url);
  const username = [givenUser, user, "git"].find((name) => name !== "") ?? "git";
  if (!safeUser.test(username)) throw refused("the user name of the address");
  if (!safeHost.test(host)) throw refused("the host of the address");
  if (!isSafePath(path)) throw refused("the path of the address");
  return { kind: "ssh", url: shown(url, host, port, path), username, host, port: port ?? 22, path };
}

interface Parts {
  readonly user: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly path: string;
}

function readUrl(text: string): Parts {
  if (!URL.canParse(text)) throw refused("the address");
  const { username, password, hostname, port, pathname, search, hash } = new URL(text);
  if (password !== "") {
    throw new DroverError("usage", "an address over SSH takes no password", { hint: "the hub logs in with a key" });
  }
  if (search !== "" || hash !== "") throw refused("the address, with its ? or #,");
  // As git does: /~user/x is in that user's home.
  const path = decode(pathname).replace(/^\/~/u, "~");
  const host = hostname.replaceAll(/^\[|\]$/gu, "").toLowerCase();
  return { user: decode(username), host, port: port === "" ? undefined : Number(port), path };
}

function readScpForm(text: string): Parts {
  const { user, host = "", path = "" } = scpForm.exec(text)?.groups ?? {};
  if (user === "") throw refused("the user name of the address");
  return { user: user ?? "", host: host.replaceAll(/^\[|\]$/gu, "").toLowerCase(), port: undefined, path };
}

function isSafePath(path: string): boolean {
  return path.length <= maxPath && !/^$|^\/+$|^[-:]|\p{Cc}/u.test(path);
}

function shown(url: string, host: string, port: number | undefined, path: string): string {
  const bracketed = host.includes(":") ? `[${host}]` : host;
  const trimmed = path.replace(/\/+$/u, "");
  if (!/^ssh:\/\//iu.test(url)) return `${bracketed}:${trimmed}`;
  return `ssh://${bracketed}${port === undefined ? "" : `:${port}`}${trimmed.startsWith("/") ? "" : "/"}${trimmed}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused("the address");
  }
}

function refused(what: string): DroverError {
  return new DroverError("usage", `${what} cannot be one of a repository over SSH`, {
    hint: "write it as git@host:path or ssh://git@host:port/path",
  });
}
