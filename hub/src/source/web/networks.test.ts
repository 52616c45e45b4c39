import type { lookup, LookupAddress, LookupOptions } from "node:dns";

import { DroverError } from "@drover/shared/errors";
import { expect, test } from "vitest";

import { createNetworks, parseNetworks, peoplesNetworks, type Networks } from "./networks.ts";

const fromGit = createNetworks([]);

/** As a URL has it. */
const check = (networks: Networks, host: string): void => networks.check(new URL(`http://${host}/`).hostname);

/** Networks whose names all have these addresses. */
function resolving(addresses: readonly string[], rules = ""): Networks {
  const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  const resolve = (_host: string, _options: LookupOptions, done: (error: null, found: LookupAddress[]) => void) =>
    done(null, found);
  return createNetworks(parseNetworks(rules), resolve as unknown as typeof lookup);
}

async function resolved(networks: Networks, all = true): Promise<unknown> {
  return new Promise((resolve, reject) => {
    networks.lookup("git.example.org", { all }, (error, address) => {
      if (error === null) resolve(address);
      else reject(error);
    });
  });
}

const ownMachine = [
  "127.0.0.1",
  "127.255.0.9",
  "127.1",
  "2130706433",
  "0177.0.0.1",
  "0x7f.0.0.1",
  "0x7f000001",
  "127.0.0.1.",
  "127%2e0.0.1",
  "①②⑦.0.0.1",
  "someone@127.0.0.1",
  "0",
  "0.0.0.0",
  "[::]",
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[::127.0.0.1]",
  "[64:ff9b::127.0.0.1]",
  "[2002:7f00:1::]",
  "224.0.0.1",
  "255.255.255.255",
  "[ff02::1]",
];
const metadata = [
  "169.254.169.254",
  "2852039166",
  "0xa9fea9fe",
  "0251.0376.0251.0376",
  "169.254.43518",
  "[::ffff:169.254.169.254]",
  "[::ffff:a9fe:a9fe]",
  "[64:ff9b::a9fe:a9fe]",
  "[fe80::1]",
  "[fd00:ec2::254]",
  "100.100.100.200",
];
const elsewhere = [
  "10.0.0.1",
  "172.16.0.1",
  "192.168.1.1",
  "8.8.8.8",
  "[fd12::1]",
  "[2001:db8::1]",
  "[64:ff9b::808:808]",
];

test.each([...ownMachine, ...metadata])("T7: a file in Git leads nobody to %s", (host) => {
  expect(() => check(fromGit, host)).toThrow(DroverError);
});

test.each(metadata)("T7: nobody is led to %s, whoever says so and whatever is allowed", (host) => {
  expect(() => check(peoplesNetworks, host)).toThrow(DroverError);
  expect(() => check(createNetworks(parseNetworks("0.0.0.0/0,::/0")), host)).toThrow(DroverError);
});

test.each([...elsewhere, "git.example.org", "localhost."])(
  "a repository may be at %s as far as can be seen",
  (host) => {
    expect(() => check(fromGit, host)).not.toThrow();
  },
);

test.each([...ownMachine, ...elsewhere])("people may have a repository at %s", (host) => {
  expect(() => check(peoplesNetworks, host)).not.toThrow();
});

test.each(["127.0.0.1", "169.254.169.254", "::1", "::", "0.0.0.0", "::ffff:127.0.0.1", "fe80::1%eth0"])(
  "T7: a name that is resolved to %s leads nowhere",
  async (address) => {
    await expect(resolved(resolving([address]))).rejects.toMatchObject({ code: "forbidden" });
    await expect(resolved(resolving([address]), false)).rejects.toMatchObject({ code: "forbidden" });
  },
);

test("T7: of a name with several addresses only those are used that may be", async () => {
  const networks = resolving(["127.0.0.1", "10.0.0.1", "::1", "2001:db8::1"]);
  expect(await resolved(networks)).toEqual([
    { address: "10.0.0.1", family: 4 },
    { address: "2001:db8::1", family: 6 },
  ]);
  expect(await resolved(networks, false)).toBe("10.0.0.1");
});

test("T7: localhost is resolved by the machine itself, and leads nowhere in any form", async () => {
  for (const name of ["localhost", "0x7f000001", "2130706433", "127.1"]) {
    const answer = new Promise((resolve) => {
      fromGit.lookup(name, { all: true }, resolve);
    });
    expect(await answer, `at ${name}`).toMatchObject({ code: "forbidden" });
  }
});

test.each([
  ["127.0.0.0/8", "127.0.0.1", true],
  ["127.0.0.0/8", "::1", false],
  ["!10.0.0.0/8", "10.1.2.3", false],
  ["!10.0.0.0/8", "::ffff:10.1.2.3", false],
  ["!10.0.0.0/8", "192.168.0.1", true],
  ["10.1.0.0/16, !10.0.0.0/8", "10.1.2.3", true],
  ["10.1.0.0/16, !10.0.0.0/8", "10.2.2.3", false],
  ["!10.0.0.0/8, 10.1.0.0/16", "10.1.2.3", false],
  ["10.1.0.0/16,!0.0.0.0/0,!::/0", "8.8.8.8", false],
  ["10.1.0.0/16,!0.0.0.0/0,!::/0", "2001:db8::1", false],
  ["::1", "::1", true],
])("with %s, %s may be reached: %s", async (rules, address, answer) => {
  const reached = resolved(resolving([address], rules)).then(
    () => true,
    () => false,
  );
  expect(await reached).toBe(answer);
});

test.each([
  "10.0.0.0/33",
  "10.0.0/8",
  "git.example.org",
  "::1/129",
  "!",
  "10.0.0.0/8/8",
  "fe80::1%eth0",
  "10.0.0.0/-1",
])("%s is no network", (text) => {
  expect(() => parseNetworks(text)).toThrow("is not a network");
});

test("no networks are no rules", () => {
  expect(parseNetworks(" ")).toEqual([]);
  expect(parseNetworks("10.0.0.0/8, ! ::1 ,")).toEqual([
    { allowed: true, network: "10.0.0.0/8" },
    { allowed: false, network: "::1" },
  ]);
});
