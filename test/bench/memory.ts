import { readFile } from "node:fs/promises";

/** Resident memory of a process as the kernel counts it. */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(?<kib>\d+)/u.exec(status)?.groups?.["kib"]) / 1024;
}
