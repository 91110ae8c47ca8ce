/** Who may call what. A method that is not in the table is nobody's (P9). */
import {
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  ServerListenerBuilder,
  type ServerMethodDefinition,
} from '@grpc/grpc-js';
import { ClusterError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { toStatus } from './errors.ts';
import { type Identity, identityOfAltName, type Role } from './identity.ts';
import { agentServiceName, clusterServiceName } from './proto.ts';

const everybody: readonly Role[] = ['node', 'operator', 'viewer'];
const operators: readonly Role[] = ['node', 'operator'];
const nodes: readonly Role[] = ['node'];

/** Nodes pass on what was asked of them, so whatever an operator may do, a node may. */
export const methodRoles: ReadonlyMap<string, readonly Role[]> = new Map([
  [`/${agentServiceName}/ExecuteTask`, operators],
  [`/${agentServiceName}/HealthCheck`, everybody],
  [`/${agentServiceName}/Drain`, nodes],
  [`/${agentServiceName}/Transfer`, operators],
  [`/${clusterServiceName}/GetStatus`, everybody],
  [`/${clusterServiceName}/PlanUpdate`, operators],
  [`/${clusterServiceName}/StartUpdate`, operators],
  [`/${clusterServiceName}/WatchUpdate`, everybody],
  [`/${clusterServiceName}/ListUpdates`, everybody],
  [`/${clusterServiceName}/GetUpdate`, everybody],
  [`/${clusterServiceName}/ControlUpdate`, operators],
  [`/${clusterServiceName}/ListReleases`, everybody],
  [`/${clusterServiceName}/SetQuarantine`, operators],
  [`/${clusterServiceName}/ApproveNode`, operators],
  ['/grpc.health.v1.Health/Check', everybody],
  ['/grpc.health.v1.Health/Watch', everybody],
  ['/grpc.health.v1.Health/List', everybody],
  ['/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', everybody],
  ['/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo', everybody],
]);

/**
 * Returns who calls, when it may call this method; throws ClusterError 'denied' otherwise.
 * @param subjectAltName of the authenticated peer certificate; undefined: there was none
 * @param path `/service/Method`
 */
export function authorise(clusterId: string, subjectAltName: string | undefined, path: string): Identity {
  const caller = identityOfAltName(subjectAltName);
  if (caller === null) {
    throw new ClusterError('denied', "the caller's certificate names no role in a cluster", {
      seen: subjectAltName ?? 'no subject alternative name',
      next: "use a certificate issued by this cluster's CA",
    });
  }
  if (caller.clusterId !== clusterId) {
    throw new ClusterError('denied', `a certificate of cluster ${caller.clusterId} is not good here`, {
      seen: caller.clusterId,
      wanted: clusterId,
    });
  }
  const allowed = methodRoles.get(path) ?? [];
  if (!allowed.includes(caller.role)) {
    throw new ClusterError('denied', `${caller.role} ${caller.name} may not call ${path}`, {
      seen: `role ${caller.role}`,
      wanted: allowed.length === 0 ? 'a method that is served' : `role ${allowed.join(' or ')}`,
    });
  }
  return caller;
}

/** The same before every handler: a denied call never reaches one, nor does a byte of its messages. */
export function authorisingInterceptor(clusterId: string, logger: Logger): ServerInterceptor {
  return (method: ServerMethodDefinition<unknown, unknown>, call: ServerInterceptingCallInterface) => {
    const gate = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        try {
          authorise(clusterId, call.getAuthContext().sslPeerCertificate?.subjectaltname, method.path);
        } catch (error) {
          logger.warn({ method: method.path, peer: call.getPeer(), error: String(error) }, 'call denied');
          call.sendStatus(toStatus(error));
          return;
        }
        next(metadata);
      })
      .build();
    return new ServerInterceptingCall(call, new ResponderBuilder().withStart((next) => next(gate)).build());
  };
}
