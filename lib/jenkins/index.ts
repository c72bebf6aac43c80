export type {
  JenkinsDockerAgent,
  JenkinsDockerCloud,
  JenkinsGrant,
  JenkinsKubernetesAgent,
  JenkinsKubernetesCloud,
} from './configuration';
export * from './jenkins';
