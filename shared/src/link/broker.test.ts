import { expect, test } from "vitest";

import {
  brokerUserOf,
  clusterSubjects,
  downSubject,
  formatBrokerAccess,
  parseBrokerAccess,
  parseUpSubject,
  upSubject,
} from "./broker.ts";

const tunnel = "0123456789abcdef".repeat(2);

test("a tunnel has one subject each way, and the hub finds the second by the first", () => {
  expect(parseUpSubject(upSubject("dev.eu-1", tunnel))?.down).toBe(downSubject("dev.eu-1", tunnel));
});

test.each(["a.b", "a~b", "a", "b"])("no two names of clusters share a subject: %s", (name) => {
  const others = ["a.b", "a-b", "a", "b", "a~b"].filter(
    (other) => other.replaceAll(".", "~") !== name.replaceAll(".", "~"),
  );
  expect(others.map((other) => clusterSubjects(other).publish)).not.toContain(clusterSubjects(name).publish);
  expect(clusterSubjects(name).publish.split(".")).toHaveLength(5);
});

test.each(["", "drover.v1.up.a", `drover.v1.down.a.${tunnel}`, `drover.v1.up.a.b.${tunnel}`, "drover.v1.up.a.short"])(
  "%j is no subject of a tunnel",
  (subject) => {
    expect(parseUpSubject(subject)).toBeUndefined();
  },
);

test("access is one word, and a broken word is an error that does not repeat it", () => {
  const access = { servers: "nats://a:1", jwt: "j", seed: "SUSECRET" };
  const word = formatBrokerAccess(access);
  expect(word).toMatch(/^\S+$/u);
  expect(parseBrokerAccess(` ${word}\n`)).toEqual(access);
  for (const broken of ["", word.slice(0, -9), `x${word}`]) {
    expect(() => parseBrokerAccess(broken)).toThrow(expect.objectContaining({ code: "config_invalid" }));
  }
  expect(() => parseBrokerAccess("drvb1.c2VjcmV0")).not.toThrow(/c2VjcmV0/u);
});

test("a user that names no cluster is refused", () => {
  for (const jwt of ["", "a.b.c", `a.${Buffer.from("{}").toString("base64url")}.c`]) {
    expect(() => brokerUserOf({ jwt })).toThrow(expect.objectContaining({ code: "config_invalid" }));
  }
});
