/** The tasks of one node: which run, and which may begin. */
import { withSignals } from '../../base/signals.ts';
import { ClusterError } from '../../errors.ts';
import { within } from './output.ts';
import { isNodeVerb, type TaskRequest } from './request.ts';
import { runTask, type TaskDeps, type TaskIo, type TaskStatus } from './run.ts';

export interface TaskRegistry {
  /** As runTask; throws ClusterError 'draining' while the node takes no new task. */
  run(request: TaskRequest, io: TaskIo): Promise<TaskStatus>;
  /** Tasks that run now, the cluster's own verbs not counted: they are what a drain is for. */
  running(): number;
  /** Ends or begins the acceptance of new tasks; returns how many still run. */
  drain(draining: boolean): number;
  draining(): boolean;
  /** Resolves when none of the node's own verbs runs any more, or after `ms`. */
  verbsEnded(ms: number): Promise<void>;
  /** Ends every running task (its own verbs too with `verbs`) and resolves when they are gone: argv[0] of each. */
  endAll(options?: { verbs?: boolean }): Promise<string[]>;
}

/** The tasks of one node. */
export function createTaskRegistry(deps: TaskDeps & { nodeId: string }): TaskRegistry {
  const tasks = new Map<AbortController, { verb: boolean; program: string; done: Promise<unknown> }>();
  let draining = false;
  const running = (): number => [...tasks.values()].filter((task) => !task.verb).length;

  const run = async (request: TaskRequest, io: TaskIo): Promise<TaskStatus> => {
    const verb = isNodeVerb(request.argv);
    if (draining && !verb) {
      throw new ClusterError('draining', `${deps.nodeId} is draining and takes no new task`, {
        nodeId: deps.nodeId,
        seen: `draining, ${running()} tasks still run`,
        wanted: 'active',
        next: 'run it on another node, or again after the update of this one',
      });
    }
    const ender = new AbortController();
    const done = withSignals([io.signal, ender.signal], (signal) => runTask(deps, request, { ...io, signal }));
    tasks.set(ender, { verb, program: request.argv[0] ?? '', done: done.catch(() => {}) });
    try {
      return await done;
    } finally {
      tasks.delete(ender);
    }
  };

  return {
    run,
    running,
    drain: (on) => {
      draining = on;
      return running();
    },
    draining: () => draining,
    verbsEnded: async (ms) => {
      const verbs = [...tasks.values()].filter((task) => task.verb);
      await within(Promise.all(verbs.map((task) => task.done)), ms);
    },
    endAll: async (options = {}) => {
      const ended = [...tasks].filter(([, task]) => options.verbs === true || !task.verb);
      for (const [ender] of ended) ender.abort();
      await Promise.all(ended.map(([, task]) => task.done));
      return ended.map(([, task]) => task.program);
    },
  };
}
