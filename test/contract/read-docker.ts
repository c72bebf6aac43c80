import { DeclaredJob, Preparation, Service } from './platforms';

interface DockerContainer {
  name: string;
  image: string;
  env?: string[];
  entrypoint?: string[];
  command?: string[];
  user?: string;
  memory?: number;
  cpu_quota?: number;
  upload?: { file: string; content: string }[];
  volumes?: { container_path: string; volume_name?: string }[];
  tmpfs?: Record<string, string>;
  wait?: boolean;
  must_run?: boolean;
  start?: boolean;
  healthcheck?: object;
  ports?: { ip: string; external: number }[];
  destroy_grace_seconds?: number;
  labels: { label: string; value: string }[];
  lifecycle?: { create_before_destroy?: boolean };
  depends_on?: string[];
}

type Containers = Record<string, DockerContainer>;

/** Reads the contract's view of services from a synthesised stack of the Docker platform. */
export function readDocker(synthesised: Record<string, unknown>): Record<string, Service> {
  const services: Record<string, Service> = {};
  for (const container of ofKind(synthesised, 'workload')) {
    const path = labelOf(container, 'component')!;
    services[path] = {
      image: imageOf(synthesised, container),
      environment: Object.fromEntries((container.env ?? []).map((entry) => asRun(entry).split(/=(.*)/s).slice(0, 2))),
      command: container.command?.map(asRun),
      user: container.user,
      replicas: (services[path]?.replicas ?? 0) + 1,
      memoryBytes: container.memory === undefined ? undefined : container.memory * 2 ** 20,
      cpuMillis: container.cpu_quota === undefined ? undefined : container.cpu_quota / 100,
      files: Object.fromEntries((container.upload ?? []).map(({ file, content }) => [file, asRun(content)])),
      mounts: [...(container.volumes ?? []).map((v) => v.container_path), ...Object.keys(container.tmpfs ?? {})].sort(),
      waitsUntilHealthy: container.wait === true && container.healthcheck !== undefined,
      published: (container.ports ?? []).map((port) => `${port.ip}:${port.external}`),
      stopSeconds: container.destroy_grace_seconds,
      newFirst: container.lifecycle?.create_before_destroy ?? false,
      labels: Object.fromEntries(container.labels.map(({ label, value }) => [label, value])),
    };
  }
  return services;
}

/** Tasks: healthy when their script has succeeded. */
export function tasksOnDocker(synthesised: Record<string, unknown>): Record<string, Preparation> {
  return Object.fromEntries(
    ofKind(synthesised, 'task').map((container) => [
      labelOf(container, 'component')!,
      {
        script: [...(container.entrypoint ?? []), ...(container.command ?? [])].map(asRun).join(' '),
        awaited: container.wait === true && container.healthcheck !== undefined,
      },
    ]),
  );
}

/** Jobs: containers that are made and not started, or that wait until they are due. */
export function jobsOnDocker(synthesised: Record<string, unknown>): Record<string, DeclaredJob> {
  return Object.fromEntries(
    ofKind(synthesised, 'job').map((container) => [
      labelOf(container, 'component')!,
      {
        image: imageOf(synthesised, container),
        command: container.command?.map(asRun),
        concurrency: labelOf(container, 'concurrency'),
        starts: container.start === false ? 'when somebody starts it' : 'by itself',
      },
    ]),
  );
}

/** Publications: containers that carry the files and mount the directory's volume. */
export function publishedOnDocker(synthesised: Record<string, unknown>): Record<string, Record<string, string>> {
  return Object.fromEntries(
    ofKind(synthesised, 'publication').map((container) => [
      container.volumes![0].volume_name!,
      Object.fromEntries(container.upload!.map(({ file, content }) => [file.split('/').pop()!, asRun(content)])),
    ]),
  );
}

/** Whether the container of one component depends on that of another. */
export function orderOnDocker(synthesised: Record<string, unknown>, first: string, second: string): boolean {
  const containers = containersOf(synthesised);
  const at = (path: string) => Object.keys(containers).filter((id) => labelOf(containers[id], 'component') === path);
  return at(second).some((id) =>
    at(first).some((other) => containers[id].depends_on?.includes(`docker_container.${other}`) ?? false),
  );
}

function containersOf(synthesised: Record<string, unknown>): Containers {
  return (synthesised.resource as { docker_container: Containers }).docker_container;
}

function ofKind(synthesised: Record<string, unknown>, kind: string): DockerContainer[] {
  return Object.values(containersOf(synthesised)).filter((container) => labelOf(container, 'kind') === kind);
}

function labelOf({ labels }: DockerContainer, name: string): string | undefined {
  return labels.find(({ label }) => label === `cdktf-mlops.${name}`)?.value;
}

function imageOf(synthesised: Record<string, unknown>, { image }: DockerContainer): string {
  const images = (synthesised.resource as { docker_image: Record<string, { name: string }> }).docker_image;
  return images[/docker_image\.([\w-]+)\.image_id/.exec(image)![1]].name;
}

/** Terraform's escapes undone. */
function asRun(text: string): string {
  return text.replace(/([$%])\1\{/g, '$1{');
}
