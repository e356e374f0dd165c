// What `varve-agent run` needs of the agent's package. Named here, the executable loads it without the rest: the network
// side of a host is not to keep in memory what only its helper uses.
export { RecentLog, restartProcess, runAgent } from '@varve/agent';
