/** Server reflection (v1 and v1alpha), so that grpcurl and the like need no .proto file. */
import type { Server, ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionV1Implementation } from '@grpc/reflection/build/src/implementations/reflection-v1.js';
import { fail, send } from './calls.ts';

type Answerer = Pick<ReflectionV1Implementation, 'handleServerReflectionRequest'>;
type Request = Parameters<Answerer['handleServerReflectionRequest']>[0];
type Response = ReturnType<Answerer['handleServerReflectionRequest']>;

type Call = ServerDuplexStream<Request, Response>;

/**
 * One answer per question, in order; a reader that does not read gets no more of them.
 * By events, for an iteration would destroy the whole call when its reading half ends.
 */
function answer(answerer: Answerer, call: Call): void {
  call.on('data', (request: Request) => {
    call.pause();
    send(call, answerer.handleServerReflectionRequest(request)).then(
      (sent) => sent && call.resume(),
      (error: unknown) => fail(call, error),
    );
  });
  call.on('end', () => call.end());
}

function handlers(answerer: Answerer): UntypedServiceImplementation {
  return { ServerReflectionInfo: (call: Call) => answer(answerer, call) } as unknown as UntypedServiceImplementation;
}

/** Adds reflection over `served` to the server. @param versions definitions of the reflection service itself */
export function addReflection(server: Server, versions: readonly PackageDefinition[], served: PackageDefinition): void {
  const answerer = new ReflectionV1Implementation(Object.assign({}, served, ...versions));
  for (const version of versions) {
    const service = Object.entries(version).find(([name]) => name.endsWith('.ServerReflection'))?.[1];
    if (service !== undefined) server.addService(service as ServiceDefinition, handlers(answerer));
  }
}
