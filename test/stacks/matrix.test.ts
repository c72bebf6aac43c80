import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'cdktf';
import { environmentStack, modelsStack } from '../../stacks/environment';
import { PRODUCTION } from '../../stacks/production';
import { STAGING } from '../../stacks/staging';
import { ProviderSupply, providerSupply, terraformProblems } from '../support/terraform';

/** Any environment on either platform: what differs is one line of its data. */
const scratch = mkdtempSync(join(tmpdir(), 'mlops-matrix-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let supply: ProviderSupply;
// The plugins are built on first use.
beforeAll(() => void (supply = providerSupply('kubernetes')), 600_000);

const matrix = [STAGING, PRODUCTION].flatMap((stage) =>
  (['docker', 'kubernetes'] as const).map((platform) => ({ ...stage, platform })),
);

test.each(matrix)(
  '$name on $platform is valid for Terraform',
  (stage) => {
    const outdir = join(scratch, `${stage.name}-${stage.platform}`);
    const app = new App({ outdir, context: supply.context });
    environmentStack(app, stage);
    modelsStack(app, stage);
    app.synth();
    for (const stack of [stage.name, `${stage.name}-models`]) {
      expect([stack, terraformProblems(join(outdir, 'stacks', stack), supply)]).toEqual([stack, []]);
    }
  },
  300_000,
);
