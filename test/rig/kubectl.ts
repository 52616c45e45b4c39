import { type CommandOptions, type CommandResult, runCommand } from "./command.ts";
import { program } from "./programs.ts";

/** Runs kubectl and returns how it ended; a non-zero exit is a result, not an error. */
export type Kubectl = (
  args: readonly string[],
  options?: CommandOptions,
  signal?: AbortSignal,
) => Promise<CommandResult>;

export interface KubectlSettings {
  readonly kubeconfigPath: string;
  /** kubectl keeps its discovery cache below it: one folder per cluster, or clusters on a reused port get mixed up. */
  readonly home: string;
}

/** The real kubectl, bound to one cluster and away from the user's own configuration. */
export function createKubectl({ kubeconfigPath, home }: KubectlSettings): Kubectl {
  const own = { HOME: home, KUBECONFIG: kubeconfigPath, KUBECACHEDIR: `${home}/cache` };
  return (args, options = {}, signal) =>
    runCommand(program("kubectl"), args, { ...options, env: { ...own, ...options.env } }, signal);
}
