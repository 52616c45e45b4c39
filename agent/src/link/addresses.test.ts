import { DroverError, type ErrorCode } from "@drover/shared/errors";
import { expect, it } from "vitest";

import { HubAddresses, parseHubAddresses } from "./addresses.ts";

/** Who was asked, and what came of it, when each of these addresses answers so. */
async function ask(addresses: HubAddresses, answers: Readonly<Record<string, ErrorCode | "yes">>) {
  const asked: string[] = [];
  const question = (address: string): Promise<string> => {
    asked.push(address);
    const answer = answers[address];
    if (answer === "yes") return Promise.resolve(address);
    return Promise.reject(new DroverError(answer ?? "internal", `${address} says so`));
  };
  const end = await addresses.ask(question).catch((cause: unknown) => DroverError.from(cause).code);
  return { asked, end };
}

it("E71: asks at one address after the other, and stays with the one that answers", async () => {
  const addresses = parseHubAddresses("a:1, b:1,c:1");
  expect(await ask(addresses, { "a:1": "link_closed", "b:1": "yes" })).toEqual({ asked: ["a:1", "b:1"], end: "b:1" });
  expect(await ask(addresses, { "b:1": "yes" })).toEqual({ asked: ["b:1"], end: "b:1" });
  const around = { "b:1": "timeout", "c:1": "link_closed", "a:1": "yes" } as const;
  expect(await ask(addresses, around)).toEqual({ asked: ["b:1", "c:1", "a:1"], end: "a:1" });
});

it("E71: asks nobody else when a hub refuses, and each but once when there is none", async () => {
  const addresses = new HubAddresses("a:1", "b:1");
  expect(await ask(addresses, { "a:1": "join_pending" })).toEqual({ asked: ["a:1"], end: "join_pending" });
  expect(await ask(addresses, { "a:1": "join_refused" })).toEqual({ asked: ["a:1"], end: "join_refused" });
  const nobody = { "a:1": "link_closed", "b:1": "timeout" } as const;
  expect(await ask(addresses, nobody)).toEqual({ asked: ["a:1", "b:1"], end: "timeout" });
});

it("refuses a setting that names no address, or too many", () => {
  expect(parseHubAddresses("hub.example.org:7475").current).toBe("hub.example.org:7475");
  expect(() => parseHubAddresses(" , ")).toThrow("1 to 8 addresses");
  expect(() => parseHubAddresses("a:1,".repeat(9))).toThrow("1 to 8 addresses");
});
