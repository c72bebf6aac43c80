import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReleaseData } from '../../../lib';

/** What the end-to-end runs vary: the platform, and what differs between two deploys. */
export interface Settings {
  /** Where both stacks run. @default docker */
  readonly platform?: 'docker' | 'kubernetes';
  /** What is served. @default - nothing: there is no release stack */
  readonly release?: ReleaseData;
  /** Environment variables added to workloads, by component path. @default - none */
  readonly variables?: Record<string, Record<string, string>>;
}

/** The settings that the next synth of the project in this directory takes. */
export function readSettings(project: string): Settings {
  const file = fileOf(project);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Settings) : {};
}

/** Sets what the next synth of the project in this directory takes. */
export function writeSettings(project: string, settings: Settings): void {
  const file = fileOf(project);
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(settings, undefined, 2), { mode: 0o600 });
}

function fileOf(project: string): string {
  return join(project, '.cdktf-mlops', 'settings.json');
}
