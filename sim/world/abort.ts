/**
 * What the bundle gives src/ in the place of AbortController: the part that is used, without the event machinery of
 * Node's own, which would be a tenth of a run.
 */
type Listener = () => void;

class Signal {
  aborted = false;
  /** Few, and gone soon. */
  listeners: Listener[] = [];

  addEventListener(_kind: 'abort', listener: Listener): void {
    this.listeners.push(listener);
  }
  removeEventListener(_kind: 'abort', listener: Listener): void {
    const at = this.listeners.indexOf(listener);
    if (at >= 0) this.listeners.splice(at, 1);
  }
  throwIfAborted(): void {
    if (this.aborted) throw new Error('aborted');
  }

  static any(signals: Signal[]): Signal {
    const all = new Signal();
    const follow = (): void => {
      for (const one of signals) one.removeEventListener('abort', follow);
      fire(all);
    };
    if (signals.some((one) => one.aborted)) all.aborted = true;
    else for (const one of signals) one.addEventListener('abort', follow);
    return all;
  }
}

function fire(signal: Signal): void {
  if (signal.aborted) return;
  signal.aborted = true;
  const { listeners } = signal;
  signal.listeners = [];
  for (const listener of listeners) listener();
}

class Controller {
  readonly signal = new Signal();
  abort(): void {
    fire(this.signal);
  }
}

globalThis.simAbortController = Controller;
globalThis.simAbortSignal = Signal;
