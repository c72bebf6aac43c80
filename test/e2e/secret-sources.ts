import { spawn } from 'node:child_process';
import { createReadStream, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { DockerMachine } from './docker-machine';
import type { KubernetesMachine } from './kubernetes-machine';
import { Machine, State } from './machine';
import { Finding, SecretSearch } from './secret-search';

/** One place that was searched. */
export interface Searched {
  readonly where: string;
  readonly bytes: number;
  readonly found: readonly Finding[];
}

/** Values that nobody may read anywhere, by name: what was generated, and what an output marks as sensitive. */
export function secretsOf(states: readonly State[]): Record<string, string> {
  const secrets: Record<string, string> = {};
  for (const { resources = [], outputs = {} } of states) {
    for (const { type, name, instances = [] } of resources) {
      const value = type === 'random_password' ? instances[0]?.attributes?.result : undefined;
      if (typeof value === 'string') secrets[name] = value;
    }
    for (const [name, { sensitive, value }] of Object.entries(outputs)) {
      if (sensitive !== true || typeof value !== 'string') continue;
      const credentials = JSON.parse(value) as Record<string, { password: string }>;
      for (const [of, { password }] of Object.entries(credentials)) secrets[`output ${name}.${of}`] = password;
    }
  }
  return secrets;
}

/** Searches every file below a directory. Links, which lead to plugins outside of it, are not followed. */
export async function searchFiles(search: SecretSearch, where: string, directory: string): Promise<Searched> {
  const found: Finding[] = [];
  let bytes = 0;
  for (const name of readdirSync(directory, { recursive: true }) as string[]) {
    const path = join(directory, name);
    if (!lstatSync(path).isFile()) continue;
    const result = await search.inStream(createReadStream(path));
    bytes += result.bytes;
    found.push(...result.found);
  }
  return { where, bytes, found };
}

/** Searches what a program prints, on both streams. */
export async function searchOutput(
  search: SecretSearch,
  where: string,
  program: string,
  args: readonly string[],
): Promise<Searched> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  const [out, error] = await Promise.all([search.inStream(child.stdout), search.inStream(child.stderr)]);
  const code = await ended;
  if (code !== 0) throw new Error(`${program} ${args.slice(0, 2).join(' ')} ended with ${code}`);
  return { where, bytes: out.bytes + error.bytes, found: [...out.found, ...error.found] };
}

/** Searches what is synthesised, plans as Terraform renders them, and what our own command said. */
export async function searchTerraform(
  machine: Machine,
  search: SecretSearch,
  stacks: readonly string[],
): Promise<Searched[]> {
  const searched = [await searchFiles(search, 'cdktf.out', machine.project.outDir)];
  for (const stack of stacks) {
    // The plan of an end names every attribute with its value; a plan without changes names none.
    const file = join(machine.scratch, `${stack}.tfplan`);
    const planned = await machine.terraform(stack, 'plan', '-destroy', '-no-color', '-lock=false', `-out=${file}`);
    if (planned.code !== 0) throw new Error(`terraform plan ended with ${planned.code}`);
    searched.push(await searchText(search, `plan of ${stack}`, planned.output));
    const shown = await machine.terraform(stack, 'show', '-no-color', file);
    searched.push(await searchText(search, `shown plan of ${stack}`, shown.output));
    const state = await machine.terraform(stack, 'show', '-no-color');
    searched.push(await searchText(search, `shown state of ${stack}`, state.output));
  }
  searched.push(await searchText(search, 'output of our own command', await machine.logged()));
  return searched;
}

/** Searches what the Docker Engine tells of containers, their logs and their images. */
export async function searchDocker(machine: DockerMachine, search: SecretSearch): Promise<Searched[]> {
  const containers = await machine.containers();
  const searched = [
    await searchText(search, `inspection of ${containers.length} containers`, JSON.stringify(containers)),
  ];
  let logs: Searched = { where: '', bytes: 0, found: [] };
  for (const { Id, State: state } of containers) {
    if (state.Status === 'created') continue;
    const one = await searchOutput(search, '', 'docker', ['logs', Id]);
    logs = { where: '', bytes: logs.bytes + one.bytes, found: [...logs.found, ...one.found] };
  }
  searched.push({ ...logs, where: `logs of ${containers.length} containers` });
  const images = [...new Set(containers.map(({ Image }) => Image))];
  const histories = await Promise.all(images.map((image) => machine.docker.out(['history', '--no-trunc', image])));
  const inspected = await machine.docker.out(['image', 'inspect', ...images]);
  searched.push(
    await searchText(
      search,
      `histories and configurations of ${images.length} images`,
      [inspected, ...histories].join('\n'),
    ),
  );
  searched.push(await searchOutput(search, `layers of ${images.length} images`, 'docker', ['save', ...images]));
  return searched;
}

/** Searches everything that the API of a cluster tells to who may not read Secrets, and the logs of all pods. */
export async function searchKubernetes(machine: KubernetesMachine, search: SecretSearch): Promise<Searched[]> {
  const kinds = (await machine.kubectl('api-resources', '--verbs=list', '--output=name'))
    .split('\n')
    .filter((kind) => kind !== '' && kind !== 'secrets');
  const searched = [
    await searchText(
      search,
      `everything of ${kinds.length} kinds, without the Secrets`,
      await machine.kubectl('get', kinds.join(','), '--all-namespaces', '--output=json', '--ignore-not-found'),
    ),
  ];
  const pods = await machine.pods();
  let logs: Searched = { where: `logs of ${pods.length} pods`, bytes: 0, found: [] };
  for (const { metadata } of pods) {
    const text = await machine.kubectl('logs', metadata.name, '--namespace', metadata.namespace!, '--all-containers');
    const one = await searchText(search, '', text);
    logs = { ...logs, bytes: logs.bytes + one.bytes, found: [...logs.found, ...one.found] };
  }
  searched.push(logs);
  return searched;
}

async function searchText(search: SecretSearch, where: string, content: string): Promise<Searched> {
  const { bytes, found } = await search.inStream(Readable.from([Buffer.from(content)]));
  return { where, bytes, found };
}
