import { Metadata, status as Status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";

import { DroverError } from "../errors.ts";
import { fromStatus, toStatus } from "./status.ts";

function asServiceError(status: ReturnType<typeof toStatus>): Error {
  return Object.assign(new Error(`${status.code} ${status.details}`), status);
}

describe("status", () => {
  it("carries our own codes and messages across", () => {
    const sent = new DroverError("join_refused", "the join token has expired");
    expect(toStatus(sent).code).toBe(Status.PERMISSION_DENIED);
    expect(fromStatus(asServiceError(toStatus(sent)))).toMatchObject({
      code: "join_refused",
      message: "the join token has expired",
    });
  });

  it("lets nothing out that was not meant for the other side", () => {
    for (const reason of [new Error("secret"), new DroverError("config_invalid", "secret"), "secret"]) {
      expect(toStatus(reason)).toMatchObject({ code: Status.INTERNAL, details: "internal error" });
    }
  });

  it("takes for 'not now' what says nothing else", () => {
    const unavailable = { code: Status.UNAVAILABLE, details: "no route", metadata: new Metadata() };
    expect(fromStatus(asServiceError(unavailable)).code).toBe("link_closed");
    expect(fromStatus(new Error("socket hang up")).code).toBe("link_closed");
    const forged = { code: Status.UNAUTHENTICATED, details: "", metadata: new Metadata() };
    forged.metadata.set("drover-code", "constructor");
    expect(fromStatus(asServiceError(forged)).code).toBe("unauthorized");
  });
});
