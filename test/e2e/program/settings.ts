import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReleaseData } from '../../../lib';

/** What the end-to-end run varies between two deploys. */
export interface Settings {
  /** What is served. @default - nothing: there is no release stack */
  readonly release?: ReleaseData;
  /** Environment variables added to containers, by component path. @default - none */
  readonly variables?: Record<string, Record<string, string>>;
}

const file = join(__dirname, '.cdktf-mlops', 'settings.json');

/** The settings that the next synth takes. */
export function readSettings(): Settings {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Settings) : {};
}

/** Sets what the next synth takes. */
export function writeSettings(settings: Settings): void {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(settings, undefined, 2), { mode: 0o600 });
}
