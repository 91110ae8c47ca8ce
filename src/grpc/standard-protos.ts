/**
 * grpc.health.v1 and gRPC server reflection, as data. Their npm packages read .proto files from beside their own source,
 * which a bundled release does not have; field numbers are those of the public protocol.
 */
import { fromJSON, type PackageDefinition } from '@grpc/proto-loader';

const field = (type: string, id: number): object => ({ type, id });
const list = (type: string, id: number): object => ({ type, id, rule: 'repeated' });
const stream = (requestType: string, responseType: string): object => ({
  requestType,
  requestStream: true,
  responseType,
  responseStream: true,
});

const health = {
  HealthCheckRequest: { fields: { service: field('string', 1) } },
  HealthCheckResponse: {
    fields: { status: field('ServingStatus', 1) },
    nested: { ServingStatus: { values: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } } },
  },
  HealthListRequest: { fields: {} },
  HealthListResponse: { fields: { statuses: { keyType: 'string', type: 'HealthCheckResponse', id: 1 } } },
  Health: {
    methods: {
      Check: { requestType: 'HealthCheckRequest', responseType: 'HealthCheckResponse' },
      Watch: { requestType: 'HealthCheckRequest', responseType: 'HealthCheckResponse', responseStream: true },
      List: { requestType: 'HealthListRequest', responseType: 'HealthListResponse' },
    },
  },
};

const reflection = {
  ServerReflection: {
    methods: { ServerReflectionInfo: stream('ServerReflectionRequest', 'ServerReflectionResponse') },
  },
  ServerReflectionRequest: {
    oneofs: {
      messageRequest: {
        oneof: [
          'fileByFilename',
          'fileContainingSymbol',
          'fileContainingExtension',
          'allExtensionNumbersOfType',
          'listServices',
        ],
      },
    },
    fields: {
      host: field('string', 1),
      fileByFilename: field('string', 3),
      fileContainingSymbol: field('string', 4),
      fileContainingExtension: field('ExtensionRequest', 5),
      allExtensionNumbersOfType: field('string', 6),
      listServices: field('string', 7),
    },
  },
  ExtensionRequest: { fields: { containingType: field('string', 1), extensionNumber: field('int32', 2) } },
  ServerReflectionResponse: {
    oneofs: {
      messageResponse: {
        oneof: ['fileDescriptorResponse', 'allExtensionNumbersResponse', 'listServicesResponse', 'errorResponse'],
      },
    },
    fields: {
      validHost: field('string', 1),
      originalRequest: field('ServerReflectionRequest', 2),
      fileDescriptorResponse: field('FileDescriptorResponse', 4),
      allExtensionNumbersResponse: field('ExtensionNumberResponse', 5),
      listServicesResponse: field('ListServiceResponse', 6),
      errorResponse: field('ErrorResponse', 7),
    },
  },
  FileDescriptorResponse: { fields: { fileDescriptorProto: list('bytes', 1) } },
  ExtensionNumberResponse: { fields: { baseTypeName: field('string', 1), extensionNumber: list('int32', 2) } },
  ListServiceResponse: { fields: { service: list('ServiceResponse', 1) } },
  ServiceResponse: { fields: { name: field('string', 1) } },
  ErrorResponse: { fields: { errorCode: field('int32', 1), errorMessage: field('string', 2) } },
};

const nested = (names: string[], inner: object): object =>
  names.reduceRight<object>((below, name) => ({ nested: { [name]: below } }), { nested: inner });

const load = (names: string[], inner: object): PackageDefinition =>
  fromJSON(nested(names, inner), { longs: String, enums: String, defaults: true, oneofs: true });

/** Definitions of the health service and of both published versions of reflection. */
export function loadStandardProtos(): { health: PackageDefinition; reflection: PackageDefinition[] } {
  return {
    health: load(['grpc', 'health', 'v1'], health),
    reflection: [load(['grpc', 'reflection', 'v1'], reflection), load(['grpc', 'reflection', 'v1alpha'], reflection)],
  };
}
