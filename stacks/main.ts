import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'cdktf';
import { environmentStack, modelsStack } from './environment';
import { PRODUCTION } from './production';
import { STAGING } from './staging';

const directory = join(__dirname, '..', '.cdktf-mlops');

/** What our command has recorded in a file of its own; undefined before it has. */
function recorded(name: string): unknown {
  const file = join(directory, name);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

// State holds every secret, and Terraform itself would let everybody read it.
mkdirSync(join(directory, 'state'), { recursive: true, mode: 0o700 });

// Where providers and images come from, absent: from the public registries; and which environments may be destroyed.
const supply = recorded('supply.json') as { context?: Record<string, unknown> } | undefined;
const app = new App({
  context: { ...supply?.context, 'cdktf-mlops:unprotected': recorded('unprotected.json') ?? [] },
});
for (const stage of [STAGING, PRODUCTION]) {
  environmentStack(app, stage);
  modelsStack(app, stage);
}
app.synth();
