// What `varve-agent kube-metrics` needs of the agent's package, without the rest (see run-agent.ts).
export { exposeMetrics } from '@varve/agent';
