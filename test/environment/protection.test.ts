import { App, TerraformStack, Testing } from 'cdktf';
import { DockerPlatform, IPlatform, KubernetesPlatform, MlopsEnvironment } from '../../lib';

type Resources = Record<string, Record<string, { lifecycle?: { prevent_destroy?: boolean } }>>;

/** What Terraform refuses to destroy of an environment that is protected, but for the ones whose protection is lifted. */
function refused(
  make: (stack: TerraformStack) => IPlatform,
  volumes: string,
  unprotected: string[] | undefined,
): [number, number] {
  const app = new App({ context: { 'cdktf-mlops:unprotected': unprotected } });
  const stack = new TerraformStack(app, 'production');
  new MlopsEnvironment(stack, 'production', { platform: make(stack), protect: true, backups: {} });
  const { resource } = JSON.parse(Testing.synth(stack)) as { resource: Resources };
  const all = Object.values(resource).flatMap((ones) => Object.values(ones));
  const refusing = all.filter(({ lifecycle }) => lifecycle?.prevent_destroy === true);
  const kept = Object.values(resource[volumes]).filter((one) => refusing.includes(one));
  return [kept.length, refusing.length];
}

test.each<[string, (stack: TerraformStack) => IPlatform, string]>([
  ['Docker', (stack) => new DockerPlatform(stack, 'platform', { environment: 'production' }), 'docker_volume'],
  [
    'Kubernetes',
    (stack) => new KubernetesPlatform(stack, 'platform', { environment: 'production' }),
    'kubernetes_persistent_volume_claim_v1',
  ],
])('on %s protected volumes can be destroyed only after a step that lifts it', (_name, make, volumes) => {
  // Database, artifacts, backups, images, Jenkins' home, metrics, silences, Grafana's data and what training pushed.
  expect(refused(make, volumes, undefined)).toEqual([9, 9]);
  expect(refused(make, volumes, ['staging'])).toEqual([9, 9]);
  expect(refused(make, volumes, ['production', 'staging'])).toEqual([0, 0]);
});
