import { ITerraformDependable } from 'cdktf';
import { Workload } from '../core/workload';
import { bindings } from './bindings';
import { Made } from './made';
import { accessRules } from './watch';

/** A namespace that an identity may look into. */
export interface Visible {
  /** Begins the ids of what is made for it. */
  readonly id: string;
  readonly namespace: string;
  readonly dependsOn: ITerraformDependable[];
}

const apiGroup = 'rbac.authorization.k8s.io';

/** A service account with the rights that the workload needs, and no more. Returns its name. */
export function makeAccount(workload: Workload, made: Made, visible: readonly Visible[]): string {
  const { name, dependsOn } = made;
  const { namespace, labels } = made.metadata;
  new bindings.ServiceAccountV1(workload, 'account', {
    metadata: { name, namespace, labels },
    automountServiceAccountToken: false,
    dependsOn,
  });
  const { namespaced, cluster } = accessRules(workload);
  const subject = [{ kind: 'ServiceAccount', name, namespace }];
  for (const { id, namespace: where, dependsOn: ready } of visible) {
    const metadata = { name, namespace: where, labels };
    new bindings.RoleV1(workload, `${id}role`, { metadata, rule: namespaced, dependsOn: ready });
    new bindings.RoleBindingV1(workload, `${id}role-binding`, {
      metadata,
      roleRef: { apiGroup, kind: 'Role', name },
      subject,
      dependsOn: ready,
    });
  }
  if (cluster.length > 0) {
    new bindings.ClusterRoleV1(workload, 'cluster-role', { metadata: { name, labels }, rule: cluster });
    new bindings.ClusterRoleBindingV1(workload, 'cluster-role-binding', {
      metadata: { name, labels },
      roleRef: { apiGroup, kind: 'ClusterRole', name },
      subject,
    });
  }
  return name;
}
