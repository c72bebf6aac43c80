import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'cdktf';
import { environmentStack } from '../../../stacks/environment';
import { STAGING } from '../../../stacks/staging';
import { declareEnvironment, declareRelease } from './environment';
import { readSettings } from './settings';

/** There is a project for each platform, with its own state; each is synthesised in its own directory. */
const project = process.cwd();

/** What the end-to-end run took over from the project's own deploys, for a synth by hand. */
function recordedContext(): Record<string, unknown> {
  const file = join(project, '.cdktf-mlops', 'supply.json');
  if (!existsSync(file)) return {};
  return (JSON.parse(readFileSync(file, 'utf8')) as { context?: Record<string, unknown> }).context ?? {};
}

const app = new App({ context: recordedContext() });
const settings = readSettings(project);
declareEnvironment(app, settings);
declareRelease(app, settings);
// Deployed when it is asked for: the data of an environment runs on either platform.
if (settings.platform === 'kubernetes') environmentStack(app, { ...STAGING, platform: 'kubernetes' });
app.synth();
