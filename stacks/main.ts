import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'cdktf';
import { staging, stagingModels } from './staging';

const root = join(__dirname, '..');

/** What the first deploy recorded about where providers and images come from; absent: from the public registries. */
function recordedContext(): Record<string, unknown> {
  const file = join(root, '.cdktf-mlops', 'supply.json');
  if (!existsSync(file)) return {};
  return (JSON.parse(readFileSync(file, 'utf8')) as { context?: Record<string, unknown> }).context ?? {};
}

const app = new App({ context: recordedContext() });
staging(app);
stagingModels(app);
app.synth();
