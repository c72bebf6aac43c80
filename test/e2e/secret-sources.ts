import { spawn } from 'node:child_process';
import { createReadStream, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
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

/**
 * Searches everything that others than the owner of the state may read: what is synthesised, plans as Terraform renders
 * them, what the Engine tells of containers, their logs, their images, and what our own command said.
 */
export async function searchEverywhere(
  machine: Machine,
  search: SecretSearch,
  stacks: readonly string[],
): Promise<Searched[]> {
  const text = async (where: string, content: string): Promise<Searched> => {
    const { bytes, found } = await search.inStream(Readable.from([Buffer.from(content)]));
    return { where, bytes, found };
  };
  const searched = [await searchFiles(search, 'cdktf.out', machine.project.outDir)];
  for (const stack of stacks) {
    // The plan of an end names every attribute with its value; a plan without changes names none.
    const file = join(machine.scratch, `${stack}.tfplan`);
    const planned = await machine.terraform(stack, 'plan', '-destroy', '-no-color', '-lock=false', `-out=${file}`);
    if (planned.code !== 0) throw new Error(`terraform plan ended with ${planned.code}`);
    searched.push(await text(`plan of ${stack}`, planned.output));
    searched.push(
      await text(`shown plan of ${stack}`, (await machine.terraform(stack, 'show', '-no-color', file)).output),
    );
    searched.push(await text(`shown state of ${stack}`, (await machine.terraform(stack, 'show', '-no-color')).output));
  }
  const containers = await machine.containers();
  searched.push(await text(`inspection of ${containers.length} containers`, JSON.stringify(containers)));
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
    await text(`histories and configurations of ${images.length} images`, [inspected, ...histories].join('\n')),
  );
  searched.push(await searchOutput(search, `layers of ${images.length} images`, 'docker', ['save', ...images]));
  searched.push(await text('output of our own command', await machine.logged()));
  return searched;
}
