import { ITerraformDependable } from 'cdktf';

/** What all objects of one workload have in common. */
export interface Made {
  /** Physical name. */
  readonly name: string;
  readonly metadata: { readonly namespace: string; readonly labels: Record<string, string> };
  /** What has to be there before them: their namespace. */
  readonly dependsOn: ITerraformDependable[];
  readonly lifecycle?: { readonly createBeforeDestroy: boolean };
}
