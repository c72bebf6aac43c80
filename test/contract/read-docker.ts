import { Service } from './platforms';

interface DockerContainer {
  name: string;
  image: string;
  env?: string[];
  command?: string[];
  user?: string;
  memory?: number;
  cpu_quota?: number;
  upload?: { file: string; content: string }[];
  volumes?: { container_path: string }[];
  tmpfs?: Record<string, string>;
  wait?: boolean;
  healthcheck?: object;
  ports?: { ip: string; external: number }[];
  destroy_grace_seconds?: number;
  labels: { label: string; value: string }[];
  networks_advanced?: { aliases?: string[] }[];
}

/** Reads the contract's view of services from a synthesised stack of the Docker platform. */
export function readDocker(synthesised: Record<string, unknown>): Record<string, Service> {
  const resources = synthesised.resource as {
    docker_container: Record<string, DockerContainer>;
    docker_image: Record<string, { name: string }>;
  };
  const services: Record<string, Service> = {};
  for (const container of Object.values(resources.docker_container)) {
    const alias = container.networks_advanced?.[0]?.aliases?.[0];
    if (alias === undefined) continue;
    const imageResource = /docker_image\.([\w-]+)\.image_id/.exec(container.image)![1];
    services[alias] = {
      image: resources.docker_image[imageResource].name,
      environment: Object.fromEntries((container.env ?? []).map((entry) => entry.split(/=(.*)/s).slice(0, 2))),
      command: container.command,
      user: container.user,
      replicas: (services[alias]?.replicas ?? 0) + 1,
      memoryBytes: container.memory === undefined ? undefined : container.memory * 2 ** 20,
      cpuMillis: container.cpu_quota === undefined ? undefined : container.cpu_quota / 100,
      files: Object.fromEntries((container.upload ?? []).map((file) => [file.file, file.content])),
      mounts: [...(container.volumes ?? []).map((v) => v.container_path), ...Object.keys(container.tmpfs ?? {})].sort(),
      waitsUntilHealthy: container.wait === true && container.healthcheck !== undefined,
      published: (container.ports ?? []).map((port) => `${port.ip}:${port.external}`),
      stopSeconds: container.destroy_grace_seconds,
      labels: Object.fromEntries(container.labels.map(({ label, value }) => [label, value])),
    };
  }
  return services;
}

/** Whether the container of one service depends on that of another. */
export function orderOnDocker(synthesised: Record<string, unknown>, first: string, second: string): boolean {
  const containers = (
    synthesised.resource as { docker_container: Record<string, { name: string; depends_on?: string[] }> }
  ).docker_container;
  const idOf = (name: string) => Object.keys(containers).find((id) => containers[id].name === name)!;
  return containers[idOf(second)].depends_on?.includes(`docker_container.${idOf(first)}`) ?? false;
}
