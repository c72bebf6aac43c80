import { App } from 'cdktf';
import { staging, stagingModels } from '../../stacks/staging';

/** The stacks as a first deploy finds them: nobody has recorded where providers and images come from. */
const app = new App();
staging(app);
stagingModels(app);
app.synth();
