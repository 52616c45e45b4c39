/** Of the agent; the hub shows it. */
export const agentVersion = "0.1.0";
