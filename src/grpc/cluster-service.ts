/** ClusterService: the Control port on the wire. Documents cross as the JSON that they are. */
import { Metadata, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { checkHashBeginning } from '../base/build-hash.ts';
import { withSignals } from '../base/signals.ts';
import type { Control, ControlAction, StartRequest } from '../cluster/control/control-api.ts';
import { parseUpdateOptions } from '../cluster/control/update-options.ts';
import type { UpdateOptions } from '../cluster/update/options.ts';
import { ClusterError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { send, serverStream, unary } from './calls.ts';
import type { Identity } from './identity.ts';
import type {
  ApproveRequestMessage,
  ControlRequestMessage,
  DocumentMessage,
  GetUpdateRequestMessage,
  ListRequestMessage,
  QuarantineRequestMessage,
  StatusRequestMessage,
  UpdateEventMessage,
  UpdateRequestMessage,
  WatchRequestMessage,
} from './proto.ts';
import { checkHash, checkNodeId, checkSafeInteger, checkText, checkUpdateId, parseObject } from './request-checks.ts';

const actions: readonly ControlAction[] = ['pause', 'resume', 'abort', 'revert'];
const maxOptionsLength = 16 * 1024;
const maxByLength = 256;
const maxWhyLength = 2000;
const defaultListLimit = 20;
const maxListLimit = 1000;

const document = (value: unknown): DocumentMessage => ({ json: JSON.stringify(value ?? null) });

/**
 * Who the record will name. A node passes on what it was told; anybody else is named by the certificate,
 * so that nobody can act in another's name.
 */
export function recordedBy(caller: Identity, by: string): string {
  checkText('by', by, maxByLength);
  if (caller.role === 'node' && by !== '') return by;
  const certified = `${caller.role}/${caller.name}`;
  return by === '' || by === certified ? certified : `${by} (${certified})`;
}

/** Options of an update; '' for none. Throws ClusterError 'usage'. */
export function optionsOf(json: string): Partial<UpdateOptions> {
  return json === '' ? {} : parseUpdateOptions(parseObject('options', json, maxOptionsLength));
}

function startRequest(request: UpdateRequestMessage, caller: Identity): StartRequest {
  if (request.buildHash !== '') checkHash(request.buildHash);
  if (request.planHash !== '') checkHashBeginning(request.planHash, 'the hash of a plan');
  return {
    ...(request.buildHash === '' ? {} : { buildHash: request.buildHash }),
    ...(request.planHash === '' ? {} : { planHash: request.planHash }),
    options: optionsOf(request.optionsJson),
    by: recordedBy(caller, request.by),
  };
}

function actionOf(text: string): ControlAction {
  const action = actions.find((one) => one === text);
  if (action === undefined) {
    throw new ClusterError('usage', 'not an action', {
      seen: JSON.stringify(text.slice(0, 40)),
      wanted: actions.join(', '),
    });
  }
  return action;
}

function listLimit(limit: number): number {
  return limit === 0 ? defaultListLimit : Math.min(limit, maxListLimit);
}

/** Events as they come; a slow reader holds the iteration back, a reader that is gone ends it. */
function watchUpdate(control: Control, logger: Logger, stopping: AbortSignal): unknown {
  return serverStream<WatchRequestMessage, UpdateEventMessage>(logger, async (call, signal) => {
    const { updateId, afterEvent } = call.request;
    checkUpdateId(updateId);
    checkSafeInteger('after_event', afterEvent);
    call.sendMetadata(new Metadata()); // tells the reader that it is being served, long before the next event may come
    const over = await withSignals([signal, stopping], async (until) => {
      for await (const event of control.watch(updateId, afterEvent, until)) {
        if (!(await send(call, { number: event.number, json: JSON.stringify(event) }))) return true;
        if (event.kind === 'ended') return true;
      }
      return false;
    });
    if (over) return;
    // The end of an update is an event; a stream that ends without it has only lost its source.
    throw new ClusterError('unavailable', stopping.aborted ? 'this node is stopping' : 'the watch ended early', {
      next: 'go on with another node',
    });
  });
}

/** Handlers of ClusterService, for createGrpcServer. @param stopping aborts when the server begins to stop */
export function createClusterService(
  control: Control,
  logger: Logger,
  stopping: AbortSignal,
): UntypedServiceImplementation {
  return {
    GetStatus: unary<StatusRequestMessage, DocumentMessage>(logger, async () => document(await control.status())),
    PlanUpdate: unary<UpdateRequestMessage, DocumentMessage>(logger, async (request, caller) =>
      document(await control.plan(startRequest(request, caller))),
    ),
    StartUpdate: unary<UpdateRequestMessage, DocumentMessage>(logger, async (request, caller) =>
      document(await control.start(startRequest(request, caller))),
    ),
    WatchUpdate: watchUpdate(control, logger, stopping),
    ListUpdates: unary<ListRequestMessage, DocumentMessage>(logger, async ({ limit }) =>
      document(await control.listUpdates(listLimit(limit))),
    ),
    GetUpdate: unary<GetUpdateRequestMessage, DocumentMessage>(logger, async ({ updateId }) => {
      checkUpdateId(updateId);
      return document(await control.getUpdate(updateId));
    }),
    ControlUpdate: unary<ControlRequestMessage, DocumentMessage>(logger, async (request, caller) => {
      checkUpdateId(request.updateId);
      checkText('why', request.why, maxWhyLength);
      const action = actionOf(request.action);
      return document(
        await control.controlUpdate(request.updateId, action, recordedBy(caller, request.by), request.why),
      );
    }),
    ListReleases: unary<ListRequestMessage, DocumentMessage>(logger, async () =>
      document(await control.listReleases()),
    ),
    SetQuarantine: unary<QuarantineRequestMessage, DocumentMessage>(logger, async (request, caller) => {
      checkHash(request.buildHash);
      checkText('why', request.why, maxWhyLength);
      const by = recordedBy(caller, request.by);
      await control.setQuarantine(request.buildHash, request.quarantined, by, request.why);
      return document(null);
    }),
    ApproveNode: unary<ApproveRequestMessage, DocumentMessage>(logger, async ({ nodeId }) => {
      checkNodeId(nodeId);
      await control.approveNode(nodeId);
      return document(null);
    }),
  } as UntypedServiceImplementation;
}
