import { stat } from "node:fs/promises";

import { expect, it } from "vitest";

import { runCommand } from "./command.ts";
import { startControlPlane } from "./control-plane.ts";
import { describeWithRig } from "./describe-with-rig.ts";

const describe = describeWithRig("etcd", "kube-apiserver", "kubectl");
const describeWithControllers = describeWithRig("kube-controller-manager", "kube-scheduler", "kubemark", "kubectl");

describe("a real control plane", () => {
  it("serves kubectl, keeps its objects over a restart of the API server, and leaves nothing running", async () => {
    const pids: number[] = [];
    {
      await using plane = await startControlPlane({ name: "alone" });
      const created = await plane.kubectl(["create", "configmap", "kept", "--from-literal=a=b"]);
      expect(created).toMatchObject({ code: 0, stdout: "configmap/kept created\n" });
      await plane.restartApiServer();
      const kept = await plane.kubectl(["get", "configmap", "kept", "-o", "jsonpath={.data.a}"]);
      expect(kept).toMatchObject({ code: 0, stdout: "b" });
      const context = await plane.kubectl(["config", "current-context"]);
      expect(context.stdout).toBe("alone\n");
      pids.push(...[...plane.processes().values()].map((process) => process.pid));
      expect(pids).toHaveLength(2);
    }
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it("says why when the API server cannot start", async () => {
    const plane = startControlPlane({ apiServerFlags: ["--no-such-flag"] });
    await expect(plane).rejects.toThrow(/kube-apiserver ended with 1[^]*unknown flag: --no-such-flag/);
  });

  it("dies with a test process that is killed", async () => {
    const script = `
      const { startControlPlane } = await import(${JSON.stringify(new URL("control-plane.ts", import.meta.url).href)});
      const plane = await startControlPlane();
      process.stdout.write([...plane.processes().values()].map(({ pid }) => pid).join(" "), () => {
        process.kill(process.pid, "SIGKILL");
      });
      await new Promise(() => setInterval(() => undefined, 1_000));
    `;
    const child = runCommand("/bin/sh", ["-c", '"$0" --input-type=module -e "$1"; true', process.execPath, script]);
    const pids = (await child).stdout.split(" ").map(Number);
    expect(pids).toHaveLength(2);
    // Orphans stay visible until the init process has collected them.
    await expect.poll(() => pids.filter(isAlive), { timeout: 20_000 }).toEqual([]);
  });
});

describeWithControllers("a real control plane with a hollow node", () => {
  it("rolls a Deployment out", async () => {
    await using plane = await startControlPlane({ nodes: 1 });
    expect(await plane.kubectl(["create", "deployment", "web", "--image=web", "--replicas=2"])).toMatchObject({
      code: 0,
    });
    const rollout = await plane.kubectl(["rollout", "status", "deployment/web", "--timeout=60s"]);
    expect(rollout.stdout).toContain("successfully rolled out");
  });

  it("lets no hollow kubelet reach the containers of another", async () => {
    await using plane = await startControlPlane({ nodes: 2 });
    for (const node of ["node-1", "node-2"]) {
      const runtime = `/proc/${plane.processes().get(node)?.pid}/cwd/kubelet.s`;
      await expect.poll(async () => (await stat(runtime)).isSocket()).toBe(true);
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
