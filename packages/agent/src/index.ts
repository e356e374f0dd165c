export { type AgentOptions, type AgentOutcome, runAgent } from './agent.ts';
export { restartProcess } from './boot/restart.ts';
export { type Joined, type JoinOptions, joinHost } from './enroll/join.ts';
export { AgentError, type AgentErrorCode, agentErrorCodes } from './error.ts';
export { type CreateHostOptions, createHost, type HostOptions, type HostStatus, hostStatus } from './host.ts';
export { RecentLog } from './report/recent-log.ts';
export { stateDirectoryOf } from './state/paths.ts';
