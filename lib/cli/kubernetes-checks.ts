import { CommandError, EXIT } from './command-error';
import { Kubernetes, KubeObject } from './kubernetes';
import { imagesOf, kindOf, namespacesOf } from './kubernetes-objects';
import { blocks, StackFile } from './stack-file';

/** What Terraform's provider does with an object, and this command, which looks for what was left. */
const VERBS = ['create', 'get', 'list', 'patch', 'delete'];

/**
 * Sees that this user may do what a deploy of these stacks does.
 *
 * @throws CommandError that names every right that is missing
 */
export async function checkRights(kubernetes: Kubernetes, stacks: readonly StackFile[]): Promise<number> {
  const wanted = new Map<string, { readonly verb: string; readonly resource: string; readonly namespace?: string }>();
  const want = (verb: string, resource: string, namespace?: string): void =>
    void wanted.set(`${verb} ${resource}${namespace === undefined ? '' : ` in the namespace ${namespace}`}`, {
      verb,
      resource,
      namespace,
    });
  for (const stack of stacks) {
    for (const { type, namespace } of stack.resources) {
      const kind = kindOf(type);
      if (kind !== undefined) for (const verb of VERBS) want(verb, kind.resource, namespace);
    }
  }
  // What is asked after a deploy that fails, and by `status`.
  for (const namespace of namespacesOf(stacks)) {
    for (const resource of ['pods', 'events']) want('list', resource, namespace);
    want('get', 'pods/log', namespace);
  }
  if (wanted.size === 0) return 0;
  const reviews = [...wanted.values()].map(({ verb, resource, namespace }) => {
    const [name, ...group] = resource.split('.');
    const [plural, subresource] = name.split('/');
    return {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group: group.join('.'), resource: plural, subresource, namespace } },
    };
  });
  // What `kubectl auth can-i` asks one by one.
  const output = await kubernetes.out(['create', '--filename=-', '--output=json', '--validate=false'], {
    input: reviews.map((review) => JSON.stringify(review)).join('\n'),
  });
  const answers = parseStream(output);
  const missing = [...wanted.keys()].filter((_right, index) => answers[index]?.status?.allowed !== true);
  if (missing.length === 0) return wanted.size;
  throw new CommandError('this user lacks rights that a deploy needs', {
    log: missing.length > 20 ? [...missing.slice(0, 20), `and ${missing.length - 20} more`] : missing,
    remedy: `have them granted to the user of ${contextName(kubernetes)}, or name another context in KUBE_CTX.`,
    exitCode: EXIT.MACHINE,
  });
}

/**
 * Sees that there are the storage classes that claims name, and a default class where one names none. Returns how many
 * claims there are.
 *
 * @throws CommandError that names claim and class
 */
export async function checkStorageClasses(kubernetes: Kubernetes, stacks: readonly StackFile[]): Promise<number> {
  const claims = stacks.flatMap((stack) =>
    stack.resources
      .filter(({ type }) => kindOf(type)?.kind === 'PersistentVolumeClaim')
      .map(({ name, attributes }) => ({ name, class: blocks(attributes.spec)[0]?.storage_class_name })),
  );
  // An empty name means a volume that was made before.
  const wanting = claims.filter((claim) => claim.class !== '' && !String(claim.class).includes('${'));
  if (wanting.length === 0) return claims.length;
  let classes: KubeObject[];
  try {
    classes = await kubernetes.list('storageclasses.storage.k8s.io', undefined);
  } catch (error) {
    // Who may not look at classes can use them all the same.
    if (error instanceof CommandError && /forbidden/i.test(error.log.join())) return claims.length;
    throw error;
  }
  const names = classes.map(({ metadata }) => metadata.name);
  const hasDefault = classes.some(
    ({ metadata }) => metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
  );
  const unmet = wanting.flatMap((claim) => {
    if (claim.class === undefined) return hasDefault ? [] : [`${claim.name}: it names none, and none is the default`];
    return names.includes(claim.class as string) ? [] : [`${claim.name}: there is no '${String(claim.class)}'`];
  });
  if (unmet.length === 0) return claims.length;
  throw new CommandError('the cluster lacks a storage class', {
    log: unmet,
    remedy: `name one of its classes in the configuration of the platform (storageClass): ${names.join(', ') || '(it has none)'}.`,
    exitCode: EXIT.MACHINE,
  });
}

/**
 * Sees that no workload of these stacks runs an image that is on this machine only.
 *
 * @param local references of the images that are built here
 * @throws CommandError that names the images
 */
export function checkPushed(stacks: readonly StackFile[], local: readonly string[]): void {
  const unpushed = imagesOf(stacks).filter((image) => local.includes(image));
  if (unpushed.length === 0) return;
  throw new CommandError('no cluster can pull images that are on this machine only', {
    log: unpushed,
    remedy:
      'push them: `cdktf-mlops images --push REGISTRY` builds what is missing and records what was pushed; or name ' +
      "pushed ones in the context 'cdktf-mlops:pushedImages'.",
  });
}

/** How a person calls the cluster's context. */
function contextName({ config }: Kubernetes): string {
  return config.context === undefined ? 'the current context' : `the context '${config.context}'`;
}

/** JSON objects one after the other, as kubectl prints them for several files, or a list of them. */
function parseStream(output: string): KubeObject[] {
  const joined = output.trim().replace(/\}\s*\n\{/g, '},{');
  const parsed = JSON.parse(`[${joined}]`) as Array<KubeObject & { readonly items?: KubeObject[] }>;
  return parsed.flatMap((entry) => entry.items ?? [entry]);
}
