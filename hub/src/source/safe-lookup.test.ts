import { DroverError } from "@drover/shared/errors";
import { expect, test } from "vitest";

import { refuseLocalLink } from "./safe-lookup.ts";

test.each(["169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]"])(
  "%s is no place for charts",
  (host) => {
    expect(() => refuseLocalLink(host)).toThrow(DroverError);
  },
);

test.each(["127.0.0.1", "10.0.0.1", "[::1]", "charts.example.org"])("%s may be one", (host) => {
  expect(() => refuseLocalLink(host)).not.toThrow();
});
