import { atPlaces, inputs, strangeCharacters, type HostileInput } from "./corpus.fixture.ts";

const strange = Object.entries(strangeCharacters);

/** Where somebody says that a repository is. */
export const addressInputs: readonly HostileInput[] = [
  ...atPlaces(strange, {
    "a part of a URL": [(text) => `https://git.example/a${text}b`, "usage", { homoglyph: "accepted" }],
    "a part of an address of SSH": [(text) => `git@git.example:a${text}b`, "usage", { homoglyph: "accepted" }],
  }),
  ...inputs([
    ["a transport that runs a program", "ext::sh -c touch% /tmp/canary", "usage"],
    ["the same in other letters", "EXT::sh -c x", "usage"],
    ["a transport of file descriptors", "fd::17/foo", "usage"],
    ["a remote helper", "transport::address", "usage"],
    ["an option of ssh as a host", "ssh://-oProxyCommand=touch%20x/a", "usage"],
    ["an option of ssh as a user", "ssh://-oProxyCommand=x@git.example/a", "usage"],
    ["an option in place of all", "-oProxyCommand=x", "usage"],
    ["an option of git", "--upload-pack=touch x", "usage"],
    ["an option as a path", "git@git.example:-oProxyCommand=x", "usage"],
    ["an option as a host in brackets", "git@[-oProxyCommand=x]:a", "usage"],
    ["a protocol without encryption", "git://git.example/a", "usage"],
    ["FTP", "ftp://git.example/a", "usage"],
    ["data in place of an address", "data:text/plain,a", "accepted"],
    ["a script", "javascript:alert(1)", "accepted"],
    ["a file of another host", "file://git.example/a", "usage"],
    ["a file with an encoded slash", "file:///a%2Fb", "usage"],
    ["a file of a cut escape", "file:///a%", "usage"],
    ["a file with an encoded NUL", "file:///a%00b", "usage"],
    ["a URL without a host", "https://", "usage"],
    ["a host that is no host", "https://[::1", "usage"],
    ["a port beyond all", "https://git.example:99999/a", "usage"],
    ["a user with a cut escape", "https://a%zz@git.example/a", "usage"],
    ["a password with a cut escape", "https://a:b%E0%A4@git.example/a", "usage"],
    ["a password over SSH", "ssh://a:b@git.example/a", "usage"],
    ["a query over SSH", "ssh://git.example/a?x=y", "usage"],
    ["an escape of NUL over SSH", "ssh://git.example/a%00b", "usage"],
    ["an escape of a line feed over SSH", "ssh://git.example/a%0Ab", "usage"],
    ["a cut escape over SSH", "ssh://git.example/a%zz", "usage"],
    ["a user with a line feed over SSH", "ssh://a%0Ab@git.example/a", "usage"],
    ["nothing", "", "usage"],
    ["a blank", " ", "usage"],
    ["a URL of a million characters", `https://git.example/${"a".repeat(1_000_000)}`, "usage"],
    ["an address of SSH of a million characters", `git@git.example:${"a".repeat(1_000_000)}`, "usage"],
    ["colons without end", ":".repeat(200_000), "usage"],
    ["at signs without end", "@".repeat(200_000), "usage"],
    ["slashes without end", "/".repeat(200_000), "usage"],
  ]),
];

/** What somebody says that a branch is called. */
export const refInputs: readonly HostileInput[] = [
  ...atPlaces(strange, {
    "a part of a branch": [
      (text) => `a${text}b`,
      "usage",
      {
        "right-to-left override": "accepted",
        "bidi isolate": "accepted",
        "zero-width space": "accepted",
        "lone surrogate": "accepted",
        homoglyph: "accepted",
      },
    ],
  }),
  ...inputs([
    ["an option", "--upload-pack=x", "usage"],
    ["a short option", "-u", "usage"],
    ["a way out", "../../../etc/passwd", "usage"],
    ["a way out, later", "a/../../b", "usage"],
    ["a place of the machine", "/etc/passwd", "usage"],
    ["a relative revision", "main~1", "usage"],
    ["a parent", "main^", "usage"],
    ["a journal", "main@{1}", "usage"],
    ["a range", "a..b", "usage"],
    ["a refspec", "a:b", "usage"],
    ["a pattern", "refs/heads/*", "usage"],
    ["a lock", "main.lock", "usage"],
    ["a hidden one", ".main", "usage"],
    ["a backslash", "a\\b", "usage"],
    ["256 characters", "a".repeat(256), "usage"],
    ["a million characters", "a".repeat(1_000_000), "usage"],
  ]),
];

/** What the link `a` says, in a repository where `b` is a link to `c`, and `c` one to `b`. */
export const linkInputs: readonly HostileInput[] = inputs([
  ["out of the repository", "../../etc/passwd", "document_invalid"],
  ["out by one step", "..", "document_invalid"],
  ["out and in again", "../a", "document_invalid"],
  ["in and out", "x/../../..", "document_invalid"],
  ["to a place of the machine", "/etc/passwd", "document_invalid"],
  ["to the root of the machine", "/", "document_invalid"],
  ["to itself", "a", "document_invalid"],
  ["to itself by a detour", "x/../a", "document_invalid"],
  ["in a circle of two", "b", "document_invalid"],
  ["through a link that leads in a circle", "b/x", "document_invalid"],
  ["to nothing", "", "accepted"],
  ["through 100,000 dots", "./".repeat(100_000), "document_invalid"],
  ["through 20,000 folders", "x/".repeat(20_000), "document_invalid"],
  ["through five million folders", "x/".repeat(5_000_000), "document_invalid"],
  ["with a NUL", "x\0y", "accepted"],
  ["to a folder of Git", ".git/config", "accepted"],
]);

/** One header of a tar archive with its content, as far as a reader looks at it. */
function entry(name: string, content: string, { type = "0", size = "" } = {}): Uint8Array {
  const bytes = Buffer.from(content);
  const block = Buffer.alloc(512 + Math.ceil(bytes.length / 512) * 512);
  block.write(name, 0);
  block.write(size === "" ? `${bytes.length.toString(8).padStart(11, "0")}\0` : size, 124, 12, "latin1");
  block.write(type, 156);
  block.set(bytes, 512);
  return block;
}
const archive = (...entries: readonly Uint8Array[]): Uint8Array => Buffer.concat([...entries, Buffer.alloc(1024)]);
const pax = (text: string): Uint8Array => entry("pax", text, { type: "x" });

/** Archives of packed charts, before they are compressed. */
export const archiveInputs: readonly HostileInput<Uint8Array>[] = inputs<Uint8Array>([
  ["a symbolic link", archive(entry("a", "", { type: "2" })), "document_invalid"],
  ["a hard link", archive(entry("a", "", { type: "1" })), "document_invalid"],
  ["a device", archive(entry("a", "", { type: "3" })), "document_invalid"],
  ["a block device", archive(entry("a", "", { type: "4" })), "document_invalid"],
  ["a pipe", archive(entry("a", "", { type: "6" })), "document_invalid"],
  ["a sparse file", archive(entry("a", "", { type: "S" })), "document_invalid"],
  ["a type that there is not", archive(entry("a", "", { type: "Z" })), "document_invalid"],
  ["a way out", archive(entry("../a", "x")), "document_invalid"],
  ["a way out, later", archive(entry("a/../../b", "x")), "document_invalid"],
  ["a way out by backslashes", archive(entry("a\\..\\..\\b", "x")), "document_invalid"],
  ["a place of the machine", archive(entry("/etc/passwd", "x")), "document_invalid"],
  ["a way out in a long name", archive(entry("x", "../../b", { type: "L" }), entry("a", "x")), "document_invalid"],
  ["a way out in a record", archive(pax("18 path=../../../b\n"), entry("a", "x")), "document_invalid"],
  ["a size beyond the archive", archive(entry("a", "x", { size: "77777777777\0" })), "document_invalid"],
  ["a size below zero", archive(entry("a", "x", { size: "-0000000001\0" })), "document_invalid"],
  ["a size that is no number", archive(entry("a", "x", { size: "zzzzzzzzzzz\0" })), "document_invalid"],
  ["a size in binary", archive(entry("a", "x", { size: "\u0080\0\0\0\0\0\0\0\0\0\0\x01" })), "document_invalid"],
  [
    "a size that hides what follows",
    archive(entry("a", "x", { size: "00000002000\0" }), entry("../b", "x"), entry("c", "x")),
    "accepted",
  ],
  ["20,000 files", Buffer.alloc(512 * 20_000, entry("a", "")), "input_too_large"],
  ["a bomb", Buffer.alloc(12_000_000), "input_too_large"],
  ["a name of no characters", archive(entry("", "x")), "accepted"],
  ["half a header", Buffer.alloc(300, 1), "accepted"],
  ["a record without an end", archive(pax("999999 path=a"), entry("b", "x")), "accepted"],
  ["one name twice", archive(entry("a", "x"), entry("a", "y")), "accepted"],
]);
