export type { JenkinsDockerAgent, JenkinsDockerCloud, JenkinsGrant } from './configuration';
export * from './jenkins';
