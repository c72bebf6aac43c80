import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'cdktf';
import { declareEnvironment, declareRelease } from './environment';
import { readSettings } from './settings';

/** What the end-to-end run took over from the project's own deploys, for a synth by hand. */
function recordedContext(): Record<string, unknown> {
  const file = join(__dirname, '.cdktf-mlops', 'supply.json');
  if (!existsSync(file)) return {};
  return (JSON.parse(readFileSync(file, 'utf8')) as { context?: Record<string, unknown> }).context ?? {};
}

const app = new App({ context: recordedContext() });
const settings = readSettings();
declareEnvironment(app, settings);
declareRelease(app, settings);
app.synth();
