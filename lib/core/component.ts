import { IConstruct } from 'constructs';
import { check, checkKeys } from './errors';
import { IPlatform } from './platform';
import { Publish } from './port';
import { checkPort } from './quantity';

/** What every component's props have been through before it reads one of them. */
export function checkComponent(scope: IConstruct, props: { readonly platform: IPlatform }, keys: object): void {
  checkKeys(scope, 'props', props, Object.keys(keys));
  check(
    props.platform instanceof Object,
    scope,
    'platform',
    props.platform,
    'say where it runs: a DockerPlatform or a KubernetesPlatform',
  );
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith('publish')) checkPublish(scope, key, value as unknown as Publish | undefined);
  }
}

/** Refuses what is no {@link Publish}: a bare number has no address, and would be published on all of them. */
export function checkPublish(scope: IConstruct, prop: string, publish: Publish | undefined): void {
  if (publish === undefined) return;
  const given: unknown = publish;
  const port = Number.isInteger(Number(given)) && Number(given) > 0 ? Number(given) : 8080;
  check(
    // A second copy of this library makes these too, so that its class is not asked for.
    typeof given === 'object' && given !== null && typeof publish.address === 'string' && 'url' in given,
    scope,
    prop,
    given,
    `use Publish.onLoopback(${port})`,
  );
  checkPort(scope, `${prop}.port`, publish.port);
}

/** Refuses props without a member that has no default. */
export function checkGiven(
  scope: IConstruct | string,
  props: object,
  required: Readonly<Record<string, string>>,
): void {
  for (const [key, want] of Object.entries(required)) {
    const value = (props as Record<string, unknown>)[key];
    check(value !== undefined && value !== null, scope, key, value, want);
  }
}

/** A kind of component that may exist already: what is returned by its factory, and what each of the kind has. */
export interface Kind {
  readonly factory: string;
  readonly members: readonly string[];
}

/** Refuses what is neither a component of a kind nor what the kind's factory returns for one that exists. */
export function checkExisting(scope: IConstruct, prop: string, value: unknown, { factory, members }: Kind): void {
  const want = `give what ${factory} returns, or a component of that kind`;
  const given = Object(value) as Record<string, unknown>;
  // Something else altogether is shown as it is; of something incomplete, what it has not.
  check(
    members.some((member) => given[member] !== undefined),
    scope,
    prop,
    value,
    want,
  );
  for (const member of [...members, 'dependables', 'containers']) {
    check(given[member] !== undefined, scope, `${prop}.${member}`, undefined, want);
  }
}
