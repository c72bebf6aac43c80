import { CommandError } from './command-error';
import { ContainerInfo, Docker, LABEL, label, NamedObject } from './docker';
import { Progress } from './progress';
import { StackFile } from './stack-file';
import { idsInState, TerraformState } from './terraform';

/** Objects that carry a stack's labels and are not in its state. */
export interface Leftovers {
  readonly containers: readonly ContainerInfo[];
  readonly networks: readonly NamedObject[];
  readonly volumes: readonly NamedObject[];
}

/** Finds what a killed apply left outside of the state. Training runs are no leftovers. */
export async function findLeftovers(
  stack: StackFile,
  state: TerraformState | undefined,
  docker: Docker,
): Promise<Leftovers> {
  const mine = [`${LABEL.STACK}=${stack.name}`, `${LABEL.ENVIRONMENT}=${stack.environment}`];
  const known = {
    containers: idsInState(state, 'docker_container'),
    networks: idsInState(state, 'docker_network'),
    volumes: idsInState(state, 'docker_volume'),
  };
  const [containers, networks, volumes] = await Promise.all([
    docker.containers(...mine),
    docker.networks(...mine),
    docker.volumes(...mine),
  ]);
  return {
    containers: containers.filter((info) => !known.containers.has(info.Id) && label(info, LABEL.KIND) !== 'run'),
    networks: networks.filter((network) => !known.networks.has(network.id)),
    volumes: volumes.filter((volume) => !known.volumes.has(volume.id)),
  };
}

/**
 * Removes containers and networks that a killed apply left behind, before an apply meets their names.
 *
 * They are taken for leftovers only when this project's state has something of the environment: the same labels are
 * also on the containers of another checkout of the same project, which this one must not touch.
 *
 * @throws CommandError when they may be somebody else's
 */
export async function clearLeftovers(
  stack: StackFile,
  state: TerraformState | undefined,
  ownNetworks: ReadonlySet<string>,
  docker: Docker,
  progress: Progress,
): Promise<void> {
  await removeLeftovers(await checkForeign(stack, state, ownNetworks, docker), docker, progress);
}

/**
 * Refuses to go on in an environment that another checkout of the project deployed: the same labels and names, and a
 * state that is not ours. Returns the leftovers that are our own; changes nothing.
 *
 * @throws CommandError when there is something that may be somebody else's
 */
export async function checkForeign(
  stack: StackFile,
  state: TerraformState | undefined,
  ownNetworks: ReadonlySet<string>,
  docker: Docker,
): Promise<Leftovers> {
  const left = await findLeftovers(stack, state, docker);
  const { own, foreign } = ownLeftovers(left, ownNetworks);
  const lostData = (state?.resources ?? []).length === 0 ? left.volumes : [];
  if (foreign.length > 0 || lostData.length > 0) {
    const names = [...foreign.map(({ Name }) => `container ${Name}`), ...lostData.map(({ name }) => `volume ${name}`)];
    throw new CommandError(`${stack.name} exists on this Docker Engine, and this project's state does not know it`, {
      log: names.length > 12 ? [...names.slice(0, 12), `and ${names.length - 12} more`] : names,
      remedy:
        'they may belong to another checkout of the project: then go on there, or give the environment another name here. ' +
        `When nobody needs them: \`cdktf-mlops clean ${stack.name} --force --data\` (deletes the data in the volumes).`,
    });
  }
  return own;
}

/**
 * Parts leftovers into this project's and others'. Volumes are never among ours: Docker gives a second apply the same
 * volume again, with its data.
 */
export function ownLeftovers(
  left: Leftovers,
  ownNetworks: ReadonlySet<string>,
): { readonly own: Leftovers; readonly foreign: readonly ContainerInfo[] } {
  const foreign = left.containers.filter(
    (container) => isAttached(container) && !attachedToOneOf(container, ownNetworks),
  );
  const own =
    foreign.length > 0
      ? left.containers.filter((container) => attachedToOneOf(container, ownNetworks))
      : left.containers;
  return { own: { containers: own, networks: foreign.length > 0 ? [] : left.networks, volumes: [] }, foreign };
}

/** Removes containers and networks, and volumes where asked, and says which. Returns how many. */
export async function removeLeftovers(left: Leftovers, docker: Docker, progress: Progress): Promise<number> {
  for (const { Name, Id } of left.containers) {
    progress.line(`removing the container ${Name}: an apply that was killed left it outside of the state`);
    await docker.out(['rm', '--force', '--volumes', Id]);
  }
  for (const { id, name } of left.networks) {
    progress.line(`removing the network ${name}: an apply that was killed left it outside of the state`);
    await docker.out(['network', 'rm', id], {
      remedy: `\`docker network inspect ${name}\` shows what is still attached to it: stop that, then run this again.`,
    });
  }
  for (const { id, name } of left.volumes) {
    progress.line(`removing the volume ${name}`);
    await docker.out(['volume', 'rm', id], {
      remedy: `\`docker ps -a --filter volume=${name}\` shows what still uses it: remove that, then run this again.`,
    });
  }
  return left.containers.length + left.networks.length + left.volumes.length;
}

/** What Docker holds of an environment, or of one of its stacks. */
export async function remains(docker: Docker, labels: readonly string[]): Promise<string[]> {
  const [containers, networks, volumes] = await Promise.all([
    docker.containers(...labels),
    docker.networks(...labels),
    docker.volumes(...labels),
  ]);
  return [
    ...containers.map(({ Name }) => `container ${Name}`),
    ...networks.map(({ name }) => `network ${name}`),
    ...volumes.map(({ name }) => `volume ${name}`),
  ].sort();
}

/** A container that is on no network of an environment says nothing about whose it is: a preparation, mostly. */
function isAttached(container: ContainerInfo): boolean {
  return Object.keys(container.NetworkSettings.Networks ?? {}).some(
    (name) => !['none', 'bridge', 'host'].includes(name),
  );
}

/** Whether a container is, or is to be, on one of these networks, by id or name. */
export function attachedToOneOf(container: ContainerInfo, networks: ReadonlySet<string>): boolean {
  // A container that was never started has no network id yet, only the network's name.
  return Object.entries(container.NetworkSettings.Networks ?? {}).some(([name, { NetworkID: id }]) =>
    networks.has(id === '' ? name : id),
  );
}
