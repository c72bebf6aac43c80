import { App } from 'cdktf';
import { environmentStack, modelsStack } from '../../stacks/environment';
import { PRODUCTION } from '../../stacks/production';
import { STAGING } from '../../stacks/staging';

/**
 * The stacks as a first deploy finds them: nobody has recorded where providers and images come from. With the names of
 * environments, only those; it prints which of them loaded the Kubernetes provider's bindings.
 */
const only = process.argv.slice(2);
const app = new App();
for (const stage of [STAGING, PRODUCTION]) {
  if (only.length > 0 && !only.includes(stage.name)) continue;
  environmentStack(app, stage);
  modelsStack(app, stage);
}
app.synth();
console.log(Object.keys(require.cache).filter((file) => file.includes('@cdktf/provider-kubernetes')).length);
