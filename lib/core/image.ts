import { IConstruct } from 'constructs';
import { check } from './errors';
import { IMAGE_CATALOG } from './image-catalog';

/** Context key: references that replace catalog entries, by key. */
export const IMAGES_CONTEXT = 'cdktf-mlops:images';
/** Context key: prefix under which a mirror holds the upstream images. */
export const MIRROR_CONTEXT = 'cdktf-mlops:imageMirror';

/** `[host[:port]/]path:tag` or `[host[:port]/]path[:tag]@sha256:digest`, as the distribution specification has it. */
const REFERENCE =
  /^(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?(?::(?<port>\d{1,5}))?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::(?<tag>[\w][\w.-]{0,127}))?(?:@sha256:[a-f0-9]{64})?$/;

/** Options of {@link Image.fromRegistry}. */
export interface ImageOptions {
  /**
   * Take a reference that names no fixed version (`:latest`, or no tag and no digest). What runs then depends on the
   * day it was pulled. @default false
   */
  readonly allowUnpinned?: boolean;
}

/** The image that a workload runs. Immutable. */
export class Image {
  /**
   * An image by its full reference, for example `registry.example.com/ml/app:1.4` or `app@sha256:…`.
   *
   * @throws when the reference is malformed, or unpinned without `allowUnpinned`
   */
  public static fromRegistry(reference: string, options: ImageOptions = {}): Image {
    return new Image(checkedReference('Image.fromRegistry', reference, options.allowUnpinned ?? false), undefined);
  }

  /**
   * An image of the library's own catalog, for example `postgres` or `model-runtime`: pinned, and replaceable as a whole
   * by the contexts `cdktf-mlops:images` and `cdktf-mlops:imageMirror`.
   *
   * @throws when the catalog has no such key
   */
  public static fromCatalog(key: string): Image {
    check(
      Object.hasOwn(IMAGE_CATALOG, key),
      'Image.fromCatalog',
      'key',
      key,
      `use one of: ${Object.keys(IMAGE_CATALOG).join(', ')}`,
    );
    return new Image(undefined, key);
  }

  private constructor(
    private readonly reference: string | undefined,
    private readonly catalogKey: string | undefined,
  ) {}

  /** The reference to run, as the contexts of this construct's tree say. */
  public resolve(scope: IConstruct): string {
    if (this.reference !== undefined) return this.reference;
    const key = this.catalogKey!;
    const overrides = (scope.node.tryGetContext(IMAGES_CONTEXT) ?? {}) as Record<string, string>;
    const override = overrides[key];
    if (override !== undefined) return checkedReference(`context '${IMAGES_CONTEXT}'`, override, false);
    const entry = IMAGE_CATALOG[key];
    const mirror = scope.node.tryGetContext(MIRROR_CONTEXT) as string | undefined;
    const reference = entry.upstream ?? entry.own!;
    return mirror === undefined
      ? reference
      : checkedReference(`context '${MIRROR_CONTEXT}'`, `${mirror}/${reference}`, false);
  }
}

function checkedReference(where: string, reference: string, allowUnpinned: boolean): string {
  const match = typeof reference === 'string' ? REFERENCE.exec(reference) : null;
  check(
    match !== null && reference.length <= 512 && Number(match.groups?.port ?? 1) <= 65535,
    where,
    'reference',
    reference,
    'write it as [host[:port]/]name:tag or name@sha256:<64 hex digits>',
  );
  if (!allowUnpinned && !reference.includes('@')) {
    const tag = match.groups?.tag;
    check(
      tag !== undefined && tag !== 'latest',
      where,
      'reference',
      reference,
      'pin it to a version (name:1.2.3) or a digest, or pass allowUnpinned: true',
    );
  }
  return reference;
}
