import { existsSync, mkdirSync, readFileSync } from 'node:fs';
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

// State holds every secret, and Terraform itself would let everybody read it.
mkdirSync(join(root, '.cdktf-mlops', 'state'), { recursive: true, mode: 0o700 });

const app = new App({ context: recordedContext() });
staging(app);
stagingModels(app);
app.synth();
